//===- ExportOps.cpp - The ONNX nodes of neuro ops ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::onnx_frontend;
using namespace neuroplast::neuro;
using ::onnx::NodeProto;

void neuroplast::onnx_frontend::addOperands(GraphWriter &writer,
                                            NodeProto &node, Operation *op) {
  auto segments = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes");
  if (!segments) {
    for (Value operand : op->getOperands())
      node.add_input(writer.getName(operand));
    return;
  }
  unsigned next = 0;
  for (int32_t length : segments.asArrayRef()) {
    if (length == 0)
      node.add_input("");
    for (int32_t i = 0; i < length; ++i)
      node.add_input(writer.getName(op->getOperand(next++)));
  }
  while (node.input_size() > 0 && node.input(node.input_size() - 1).empty())
    node.mutable_input()->RemoveLast();
}

LogicalResult
neuroplast::onnx_frontend::addAttributes(NodeProto &node, Operation *op,
                                         ArrayRef<StringRef> except) {
  for (NamedAttribute attribute : op->getAttrs()) {
    StringRef name = attribute.getName().strref();
    if (name == "operandSegmentSizes" || name.contains('.') ||
        llvm::is_contained(except, name))
      continue;
    if (!GraphWriter::setAttribute(node, name, attribute.getValue()))
      return op->emitError("attribute '") << name << "' has no ONNX form";
  }
  return success();
}

NodeProto &neuroplast::onnx_frontend::addUnary(GraphWriter &writer,
                                               Operation *op, StringRef type,
                                               ArrayRef<std::string> inputs) {
  NodeProto &node = writer.addNode(op, type);
  node.add_input(writer.getName(op->getOperand(0)));
  for (const std::string &input : inputs)
    node.add_input(input);
  writer.addOutputs(node, op);
  return node;
}

namespace {

/// An op whose operands and attributes are those of the ONNX operator.
template <typename Op>
LogicalResult writeSame(GraphWriter &writer, Operation *op) {
  NodeProto &node = writer.addNode(op, Op::getOnnxName());
  addOperands(writer, node, op);
  writer.addOutputs(node, op);
  return addAttributes(node, op);
}

template <typename Op>
LogicalResult writeReduction(GraphWriter &writer, Operation *op) {
  auto reduction = cast<Op>(op);
  std::string axes = writer.addInts(reduction.getAxes());
  NodeProto &node = writer.addNode(op, Op::getOnnxReduction());
  node.add_input(writer.getName(reduction.getInput()));
  node.add_input(axes);
  writer.addOutputs(node, op);
  GraphWriter::setInt(node, "keepdims", reduction.getKeepdims());
  // Without axes ONNX reduces all of them, unless told otherwise.
  if (reduction.getAxes().empty())
    GraphWriter::setInt(node, "noop_with_empty_axes", 1);
  return success();
}

/// Convolutions and pools: all attributes, but paddings only where they are
/// explicit.
template <typename Op>
LogicalResult writeWindow(GraphWriter &writer, Operation *op, StringRef type) {
  NodeProto &node = writer.addNode(op, type);
  addOperands(writer, node, op);
  writer.addOutputs(node, op);
  auto automatic = op->getAttrOfType<StringAttr>("auto_pad");
  if (automatic && automatic.getValue() != "NOTSET")
    return addAttributes(node, op, {"pads"});
  return addAttributes(node, op, {"auto_pad"});
}

LogicalResult writeCast(GraphWriter &writer, Operation *op) {
  auto cast = mlir::cast<CastOp>(op);
  int32_t to = getElementTypeNumber(cast.getTo());
  if (to == 0)
    return op->emitError("element type ")
           << cast.getTo() << " has no ONNX form";
  NodeProto &node = addUnary(writer, op, "Cast");
  GraphWriter::setInt(node, "to", to);
  if (!cast.getSaturate())
    GraphWriter::setInt(node, "saturate", 0);
  return success();
}

LogicalResult writeBitCast(GraphWriter &writer, Operation *op) {
  NodeProto &node = addUnary(writer, op, "BitCast");
  GraphWriter::setInt(node, "to",
                      getElementTypeNumber(cast<BitCastOp>(op).getTo()));
  return success();
}

LogicalResult writeDFT(GraphWriter &writer, Operation *op) {
  auto dft = cast<DFTOp>(op);
  std::string length;
  if (dft.getDynamicLength()) {
    length = writer.addIndex(dft.getDynamicLength());
    if (length.empty())
      return failure();
    length = writer.addScalarOf(length);
  } else {
    length = writer.addInt(dft.getLength());
  }
  NodeProto &node =
      addUnary(writer, op, "DFT", {length, writer.addInt(dft.getAxis())});
  GraphWriter::setInt(node, "inverse", dft.getInverse());
  GraphWriter::setInt(node, "onesided", dft.getOnesided());
  return success();
}

LogicalResult writeSTFT(GraphWriter &writer, Operation *op) {
  auto stft = cast<STFTOp>(op);
  NodeProto &node = addUnary(
      writer, op, "STFT",
      {writer.addInt(stft.getFrameStep()),
       stft.getWindow() ? writer.getName(stft.getWindow()) : std::string(),
       writer.addInt(stft.getFrameLength())});
  GraphWriter::setInt(node, "onesided", stft.getOnesided());
  return success();
}

/// A shape that is known is an attribute, another that of a tensor.
template <typename Op>
LogicalResult writeRandom(GraphWriter &writer, Operation *op, StringRef type) {
  auto random = cast<Op>(op);
  NodeProto *node;
  if (random.getDynamicSizes().empty()) {
    node = &writer.addNode(op, type);
    GraphWriter::setInts(*node, "shape", random.getSizes());
  } else {
    std::string shape =
        writer.addSizes(random.getSizes(), random.getDynamicSizes());
    if (shape.empty())
      return failure();
    std::string like = writer.addHelper("ConstantOfShape", {shape});
    node = &writer.addNode(op, (type + "Like").str());
    node->add_input(like);
  }
  writer.addOutputs(*node, op);
  GraphWriter::setInt(*node, "dtype", getElementTypeNumber(random.getTo()));
  return addAttributes(*node, op, {"sizes", "to"});
}

/// What shares decisions does so for us alone.
LogicalResult writeDropout(GraphWriter &writer, Operation *op) {
  auto rate = cast<DropoutOp>(op).getRate().convertToDouble();
  addUnary(writer, op, "Dropout", {writer.addNumber(static_cast<float>(rate))});
  return success();
}

LogicalResult writeQuantize(GraphWriter &writer, Operation *op) {
  auto quantize = cast<QuantizeLinearOp>(op);
  NodeProto &node = writer.addNode(op, "QuantizeLinear");
  addOperands(writer, node, op);
  writer.addOutputs(node, op);
  GraphWriter::setInt(node, "output_dtype",
                      getElementTypeNumber(quantize.getTo()));
  return addAttributes(node, op, {"to"});
}

LogicalResult writeEyeLike(GraphWriter &writer, Operation *op) {
  auto eye = cast<EyeLikeOp>(op);
  NodeProto &node = addUnary(writer, op, "EyeLike");
  GraphWriter::setInt(node, "k", eye.getK());
  GraphWriter::setInt(node, "dtype", getElementTypeNumber(eye.getTo()));
  return success();
}

template <typename Op>
LogicalResult writeScan(GraphWriter &writer, Operation *op, StringRef type) {
  auto scan = cast<Op>(op);
  NodeProto &node = addUnary(writer, op, type, {writer.addInt(scan.getAxis())});
  GraphWriter::setInt(node, "exclusive", scan.getExclusive());
  GraphWriter::setInt(node, "reverse", scan.getReverse());
  return success();
}

LogicalResult writeTopK(GraphWriter &writer, Operation *op) {
  auto topK = cast<TopKOp>(op);
  std::string k = topK.getDynamicK()
                      ? writer.addIndex(topK.getDynamicK())
                      : writer.addInts({static_cast<int64_t>(topK.getK())});
  if (k.empty())
    return failure();
  NodeProto &node = addUnary(writer, op, "TopK", {k});
  GraphWriter::setInt(node, "axis", topK.getAxis());
  GraphWriter::setInt(node, "largest", topK.getLargest());
  GraphWriter::setInt(node, "sorted", topK.getSorted());
  return success();
}

LogicalResult writeOneHot(GraphWriter &writer, Operation *op) {
  auto oneHot = cast<OneHotOp>(op);
  std::string depth =
      oneHot.getDynamicDepth()
          ? writer.addIndex(oneHot.getDynamicDepth())
          : writer.addInts({static_cast<int64_t>(oneHot.getDepth())});
  if (depth.empty())
    return failure();
  NodeProto &node = addUnary(writer, op, "OneHot",
                             {depth, writer.getName(oneHot.getValues())});
  GraphWriter::setInt(node, "axis", oneHot.getAxis());
  return success();
}

LogicalResult writeMaxUnpool(GraphWriter &writer, Operation *op) {
  auto unpool = cast<MaxUnpoolOp>(op);
  std::string sizes =
      writer.addSizes(unpool.getSizes(), unpool.getDynamicSizes());
  if (sizes.empty())
    return failure();
  NodeProto &node = addUnary(writer, op, "MaxUnpool",
                             {writer.getName(unpool.getIndices()), sizes});
  return addAttributes(node, op, {"sizes"});
}

LogicalResult writeCol2Im(GraphWriter &writer, Operation *op) {
  auto col2im = cast<Col2ImOp>(op);
  std::string image = writer.addInts(col2im.getImageShape()),
              block = writer.addInts(col2im.getBlockShape());
  NodeProto &node = addUnary(writer, op, "Col2Im", {image, block});
  return addAttributes(node, op, {"image_shape", "block_shape"});
}

/// Head counts belong to flat heads, and windows are newer than the rest, so
/// that both are left out unless they say something.
LogicalResult writeAttention(GraphWriter &writer, Operation *op) {
  auto attention = cast<AttentionOp>(op);
  NodeProto &node = writer.addNode(op, AttentionOp::getOnnxName());
  addOperands(writer, node, op);
  writer.addOutputs(node, op);
  SmallVector<StringRef> except;
  if (attention.getQNumHeads() == 0)
    except.append({"q_num_heads", "kv_num_heads"});
  if (static_cast<int64_t>(attention.getLeftWindowSize()) < 0)
    except.push_back("left_window_size");
  if (static_cast<int64_t>(attention.getRightWindowSize()) < 0)
    except.push_back("right_window_size");
  return addAttributes(node, op, except);
}

/// The writers of all ops by name.
class WriterTable {
public:
  WriterTable() {
    addAll<
#define GET_OP_LIST
#include "neuroplast/Dialect/Neuro/IR/NeuroOps.cpp.inc"
        >();
    addReductions<ReduceSumOp, ReduceMeanOp, ReduceMaxOp, ReduceMinOp,
                  ReduceProdOp, ReduceL1Op, ReduceL2Op, ReduceSumSquareOp,
                  ReduceLogSumOp, ReduceLogSumExpOp>();
    addShapeWriters(writers);
    add<CastOp>(writeCast);
    add<QuantizeLinearOp>(writeQuantize);
    add<EyeLikeOp>(writeEyeLike);
    add<TopKOp>(writeTopK);
    add<OneHotOp>(writeOneHot);
    add<MaxUnpoolOp>(writeMaxUnpool);
    add<Col2ImOp>(writeCol2Im);
    add<AttentionOp>(writeAttention);
    add<OpaqueOp>(writeOpaque);
    add<BitCastOp>(writeBitCast);
    add<DFTOp>(writeDFT);
    add<STFTOp>(writeSTFT);
    add<RandomNormalOp>([](GraphWriter &writer, Operation *op) {
      return writeRandom<RandomNormalOp>(writer, op, "RandomNormal");
    });
    add<RandomUniformOp>([](GraphWriter &writer, Operation *op) {
      return writeRandom<RandomUniformOp>(writer, op, "RandomUniform");
    });
    add<DropoutOp>(writeDropout);
    add<CumSumOp>([](GraphWriter &writer, Operation *op) {
      return writeScan<CumSumOp>(writer, op, "CumSum");
    });
    add<CumProdOp>([](GraphWriter &writer, Operation *op) {
      return writeScan<CumProdOp>(writer, op, "CumProd");
    });
    addWindow<ConvOp, ConvTransposeOp, ConvIntegerOp, DeformConvOp, MaxPoolOp,
              AveragePoolOp, LpPoolOp>();
  }

  Writer find(Operation *op) const {
    return writers.lookup(op->getName().getStringRef());
  }

private:
  template <typename Op> void add(Writer writer) {
    writers[Op::getOperationName()] = writer;
  }

  template <typename... Ops> void addAll() {
    auto addOne = [&]<typename Op>() {
      if constexpr (requires { Op::getOnnxName(); })
        if (!Op::getOnnxName().empty())
          add<Op>(writeSame<Op>);
    };
    (addOne.template operator()<Ops>(), ...);
  }

  template <typename... Ops> void addReductions() {
    (add<Ops>(writeReduction<Ops>), ...);
  }

  template <typename Op> static StringRef getWindowName() {
    StringRef name = Op::getOperationName();
    return llvm::StringSwitch<StringRef>(name)
        .Case("neuro.conv", "Conv")
        .Case("neuro.conv_transpose", "ConvTranspose")
        .Case("neuro.conv_integer", "ConvInteger")
        .Case("neuro.deform_conv", "DeformConv")
        .Case("neuro.max_pool", "MaxPool")
        .Case("neuro.average_pool", "AveragePool")
        .Default("LpPool");
  }

  template <typename... Ops> void addWindow() {
    (add<Ops>([](GraphWriter &writer, Operation *op) {
       return writeWindow<Ops>(writer, op, getWindowName<Ops>());
     }),
     ...);
  }

  WriterMap writers;
};

} // namespace

LogicalResult neuroplast::onnx_frontend::writeOp(GraphWriter &writer,
                                                 Operation *op) {
  static const WriterTable table;
  if (Writer write = table.find(op))
    return write(writer, op);
  return op->emitError("'") << op->getName() << "' has no ONNX form yet";
}

/// A tensor of sizes that something computes with.
static LogicalResult writeElements(GraphWriter &writer,
                                   tensor::FromElementsOp op) {
  RankedTensorType type = op.getType();
  int32_t elementType = getElementTypeNumber(type.getElementType());
  if (!isa<IntegerType>(type.getElementType()) || elementType == 0)
    return op.emitError("elements of type ")
           << type.getElementType() << " have no ONNX form yet";
  if (type.getRank() == 0 && type.getElementType().isInteger(64))
    if (std::string name = writer.findScalar(op.getElements()[0]);
        !name.empty()) {
      writer.setName(op.getResult(), name);
      return success();
    }
  SmallVector<int64_t> dynamic(op.getElements().size(), ShapedType::kDynamic);
  std::string vector = writer.addSizes(dynamic, op.getElements());
  if (vector.empty())
    return failure();
  auto &cast = writer.addNode(op, "Cast");
  cast.add_input(vector);
  GraphWriter::setInt(cast, "to", elementType);
  if (type.getRank() == 1) {
    writer.addOutputs(cast, op);
    return success();
  }
  std::string flat = writer.makeName("neuroplast_elements");
  cast.add_output(flat);
  std::string shape = writer.addInts(type.getShape());
  auto &reshape = writer.addNode(op, "Reshape");
  reshape.add_input(flat);
  reshape.add_input(shape);
  writer.addOutputs(reshape, op);
  return success();
}

/// One number many times says how often.
static LogicalResult writeConstant(GraphWriter &writer,
                                   neuro::ConstantOp constant) {
  ElementsAttr value = constant.getValue();
  Location location = constant.getLoc();
  if (!isLargeSplat(value))
    return writer.addInitializer(writer.getName(constant.getResult()), value,
                                 location);
  auto dense = cast<DenseElementsAttr>(value);
  std::string shape = writer.addInts(dense.getType().getShape());
  auto &node = writer.addNode(constant, "ConstantOfShape");
  node.add_input(shape);
  writer.addOutputs(node, constant);
  return writer.setTensor(
      node, "value",
      dense.resizeSplat(RankedTensorType::get({1}, dense.getElementType())),
      location);
}

LogicalResult neuroplast::onnx_frontend::writeOperation(GraphWriter &writer,
                                                        Operation *op) {
  if (isa<GetParamOp>(op))
    return success();
  if (auto constant = dyn_cast<neuro::ConstantOp>(op))
    return writeConstant(writer, constant);
  if (op->getNumRegions())
    return writeControlFlow(writer, op);
  // Sizes are written where they are used.
  bool onlyIndices = llvm::all_of(op->getResultTypes(), [](Type type) {
    return type.isIndex() || type.isSignlessInteger() || type.isF32();
  });
  if (onlyIndices &&
      isa<arith::ArithDialect, tensor::TensorDialect>(op->getDialect()))
    return success();
  if (auto elements = dyn_cast<tensor::FromElementsOp>(op))
    return writeElements(writer, elements);
  // What starts out empty is a part of the loop that fills it.
  if (isa<tensor::EmptyOp>(op))
    return success();
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    auto &node = writer.addNode(op, "Identity");
    node.add_input(writer.getName(cast.getSource()));
    writer.addOutputs(node, op);
    return success();
  }
  return writeOp(writer, op);
}
