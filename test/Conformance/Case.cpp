//===- Case.cpp - One conformance case: a model and its data --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Case.h"
#include "Tensors.h"

#include "mlir/IR/Diagnostics.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "neuroplast/Runtime/Model.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::conformance;

namespace {

/// Whether the values of the outputs are not fixed by the specification: a
/// Dropout that trains takes a third operand.
bool hasRandomOutput(const onnx::GraphProto &graph) {
  static constexpr llvm::StringLiteral random[] = {
      "RandomNormal",      "RandomNormalLike", "RandomUniform",
      "RandomUniformLike", "Bernoulli",        "Multinomial"};
  return llvm::any_of(graph.node(), [](const onnx::NodeProto &node) {
    return llvm::is_contained(random, llvm::StringRef(node.op_type())) ||
           (node.op_type() == "Dropout" && node.input_size() > 2);
  });
}

llvm::Expected<std::string> readFile(const llvm::Twine &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

/// A tensor of the suite, with its element type.
struct CaseTensor : HostTensor {
  Type elementType;
};

llvm::Expected<ElementsAttr> readElements(const llvm::Twine &path,
                                          MLIRContext *context) {
  llvm::Expected<std::string> text = readFile(path);
  if (!text)
    return text.takeError();
  // The attribute may refer to the bytes of the tensor, which its owner keeps.
  auto owner = std::make_shared<LoadedModel>();
  onnx::TensorProto &proto = *owner->proto.mutable_graph()->add_initializer();
  if (!proto.ParseFromString(*text))
    return llvm::createStringError(path + " holds no tensor");
  return convertTensor(owner, proto, proto.name(), context);
}

llvm::Expected<CaseTensor> readTensor(const llvm::Twine &path,
                                      MLIRContext *context) {
  llvm::Expected<ElementsAttr> value = readElements(path, context);
  if (!value)
    return value.takeError();
  auto type = cast<RankedTensorType>(value->getShapedType());
  CaseTensor tensor;
  tensor.elementType = type.getElementType();
  tensor.dtype = getElementTypeNumber(tensor.elementType);
  tensor.shape.assign(type.getShape().begin(), type.getShape().end());
  llvm::Expected<std::string> bytes = getRawBytes(*value);
  if (!bytes)
    return bytes.takeError();
  tensor.bytes.assign(bytes->begin(), bytes->end());
  return tensor;
}

/// Element `index` as bits.
uint64_t getBits(ArrayRef<char> bytes, Type elementType, int64_t index) {
  int64_t size = llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
  uint64_t bits = 0;
  memcpy(&bits, bytes.data() + index * size, size);
  return bits;
}

double getValue(uint64_t bits, Type elementType) {
  unsigned width = elementType.getIntOrFloatBitWidth();
  auto type = dyn_cast<FloatType>(elementType);
  if (!type)
    return elementType.isUnsignedInteger() || width == 1
               ? static_cast<double>(bits)
               : static_cast<double>(llvm::SignExtend64(bits, width));
  llvm::APFloat value(type.getFloatSemantics(), llvm::APInt(width, bits));
  bool losesInfo = false;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

bool isClose(uint64_t got, uint64_t expected, Type elementType,
             Tolerance tolerance) {
  if (got == expected)
    return true;
  auto type = dyn_cast<FloatType>(elementType);
  if (!type)
    return false;
  double x = getValue(got, elementType), y = getValue(expected, elementType);
  if (std::isnan(x) || std::isnan(y))
    return std::isnan(x) && std::isnan(y);
  if (std::isinf(x) || std::isinf(y))
    return x == y;
  double relative = tolerance.relative;
  auto precision = static_cast<int>(type.getFPMantissaWidth());
  if (precision > 4)
    relative = std::max(relative, std::ldexp(2.0, 1 - precision));
  return std::abs(x - y) <= tolerance.absolute + relative * std::abs(y);
}

/// The first difference in words; empty if there is none.
std::string compare(const NeuroplastTensor &got, const CaseTensor &expected,
                    bool valuesCount, Tolerance tolerance) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (got.dtype != expected.dtype) {
    stream << "element type number " << got.dtype << ", expected "
           << expected.dtype;
    return text;
  }
  ArrayRef<int64_t> shape(got.shape, got.rank);
  if (shape != ArrayRef<int64_t>(expected.shape)) {
    stream << "shape [";
    llvm::interleaveComma(shape, stream);
    stream << "], expected [";
    llvm::interleaveComma(expected.shape, stream);
    stream << "]";
    return text;
  }
  if (!valuesCount)
    return text;
  int64_t count = expected.getNumElements(), differing = 0;
  ArrayRef<char> bytes(static_cast<const char *>(got.data),
                       expected.bytes.size());
  for (int64_t i = 0; i < count; ++i) {
    uint64_t x = getBits(bytes, expected.elementType, i);
    uint64_t y = getBits(expected.bytes, expected.elementType, i);
    if (isClose(x, y, expected.elementType, tolerance))
      continue;
    if (++differing == 1)
      stream << "element " << i << " is " << getValue(x, expected.elementType)
             << ", expected " << getValue(y, expected.elementType);
  }
  if (differing)
    stream << "; " << differing << " of " << count << " differ";
  return text;
}

/// Keeps the first error, in one line.
struct FirstError {
  explicit FirstError(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
              text.empty()) {
            llvm::raw_string_ostream(text) << diagnostic;
            text = StringRef(text).split('\n').first.str();
          }
          return success();
        }) {}
  std::string text;
  ScopedDiagnosticHandler handler;
};

} // namespace

/// Runs the model on one test_data_set_*; empty if every output is as expected.
static std::string runDataSet(const Model &model, const onnx::GraphProto &graph,
                              const std::string &folder, bool valuesCount,
                              Tolerance tolerance, MLIRContext *context) {
  std::vector<CaseTensor> tensors;
  const NeuroplastModelInfo &info = model.getInfo();
  for (int i = 0; i < graph.input_size(); ++i) {
    // Inputs that were compiled in are no inputs of the model any more.
    size_t next = tensors.size();
    if (next == static_cast<size_t>(info.num_inputs) ||
        info.inputs[next].name != graph.input(i).name())
      continue;
    auto tensor =
        readTensor(folder + "/input_" + llvm::Twine(i) + ".pb", context);
    if (!tensor)
      return llvm::toString(tensor.takeError());
    tensors.push_back(std::move(*tensor));
  }
  std::vector<NeuroplastTensor> inputs, outputs(info.num_outputs);
  for (CaseTensor &tensor : tensors) {
    NeuroplastTensor input = {};
    input.data = tensor.bytes.data();
    input.dtype = tensor.dtype;
    input.rank = tensor.shape.size();
    llvm::copy(tensor.shape, input.shape);
    inputs.push_back(input);
  }
  if (llvm::Error error = model.runBound(inputs, outputs))
    return llvm::toString(std::move(error));
  std::string difference;
  for (int32_t i = 0; i < info.num_outputs && difference.empty(); ++i) {
    auto expected =
        readTensor(folder + "/output_" + llvm::Twine(i) + ".pb", context);
    if (!expected)
      return llvm::toString(expected.takeError());
    difference = compare(outputs[i], *expected, valuesCount, tolerance);
    if (!difference.empty())
      difference = "output " + std::to_string(i) + ": " + difference;
  }
  model.release(outputs);
  return difference;
}

/// Which inputs are compiled in: they may be axes, sizes or scales.
enum class Bound { None, Integers, Vectors };

/// The values of inputs of rank 0 and 1 in the first data set.
static llvm::StringMap<ElementsAttr>
readBoundInputs(StringRef folder, const onnx::GraphProto &graph, Bound bound,
                MLIRContext *context) {
  llvm::StringMap<ElementsAttr> values;
  if (bound == Bound::None)
    return values;
  for (int i = 0; i < graph.input_size(); ++i) {
    auto value = readElements(
        folder + "/test_data_set_0/input_" + llvm::Twine(i) + ".pb", context);
    if (!value) {
      llvm::consumeError(value.takeError());
      continue;
    }
    ShapedType type = value->getShapedType();
    bool isInteger = type.getElementType().isSignlessInteger(64) ||
                     type.getElementType().isSignlessInteger(32);
    if (type.getRank() <= 1 && (isInteger || bound == Bound::Vectors))
      values[graph.input(i).name()] = *value;
  }
  return values;
}

/// Imports and compiles a case; what cannot be while its sizes are unknown gets
/// the small inputs' values at compile time.
static llvm::Expected<std::unique_ptr<Model>>
buildCase(StringRef folder, const onnx::GraphProto &graph,
          MLIRContext *context) {
  std::string modelPath = (folder + "/model.onnx").str(), reason;
  CompileOptions compileOptions;
  compileOptions.optLevel = 1;
  for (Bound bound : {Bound::None, Bound::Integers, Bound::Vectors}) {
    FirstError first(context);
    auto keep = [&](std::string text) {
      if (reason.empty())
        reason = first.text.empty() ? text : first.text;
    };
    ImportOptions options;
    options.inputValues = readBoundInputs(folder, graph, bound, context);
    if (bound != Bound::None && options.inputValues.empty())
      continue;
    OwningOpRef<ModuleOp> module = importOnnx(modelPath, options, context);
    if (!module) {
      keep("no reason given");
      continue;
    }
    auto compiled = compileModule(*module, compileOptions);
    if (!compiled) {
      keep(llvm::toString(compiled.takeError()));
      continue;
    }
    auto model = loadInMemory(std::move(*compiled));
    if (model)
      return model;
    keep(llvm::toString(model.takeError()));
  }
  return llvm::createStringError(reason);
}

Outcome neuroplast::conformance::runCase(StringRef folder,
                                         const DialectRegistry &registry,
                                         Tolerance tolerance) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  onnx::ModelProto proto;
  llvm::Expected<std::string> text = readFile(folder + "/model.onnx");
  if (!text)
    return {Outcome::Wrong, llvm::toString(text.takeError())};
  if (!proto.ParseFromString(*text))
    return {Outcome::Wrong, "the model does not parse"};
  auto model = buildCase(folder, proto.graph(), &context);
  if (!model)
    return {Outcome::Refused, llvm::toString(model.takeError())};

  bool valuesCount = !hasRandomOutput(proto.graph());
  int64_t sets = 0;
  for (;; ++sets) {
    std::string data = (folder + "/test_data_set_" + llvm::Twine(sets)).str();
    if (!llvm::sys::fs::is_directory(data))
      break;
    std::string difference = runDataSet(**model, proto.graph(), data,
                                        valuesCount, tolerance, &context);
    if (!difference.empty())
      return {Outcome::Wrong, difference};
  }
  if (sets == 0)
    return {Outcome::Wrong, "there is no test_data_set_0"};
  return {Outcome::Pass, ""};
}
