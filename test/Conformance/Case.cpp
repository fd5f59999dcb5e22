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
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::conformance;

namespace {

/// Whether the values of the outputs are not fixed by the specification.
bool hasRandomOutput(const onnx::GraphProto &graph) {
  static constexpr llvm::StringLiteral random[] = {
      "RandomNormal",  "RandomNormalLike", "RandomUniform",
      "RandomUniformLike", "Bernoulli",    "Multinomial"};
  return llvm::any_of(graph.node(), [](const onnx::NodeProto &node) {
    return llvm::is_contained(random, llvm::StringRef(node.op_type()));
  });
}

llvm::Expected<std::string> readFile(const llvm::Twine &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

llvm::Expected<HostTensor> readTensor(const llvm::Twine &path,
                                      MLIRContext *context) {
  llvm::Expected<std::string> text = readFile(path);
  if (!text)
    return text.takeError();
  onnx::TensorProto proto;
  if (!proto.ParseFromString(*text))
    return llvm::createStringError(path + " holds no tensor");
  auto owner = std::make_shared<LoadedModel>();
  llvm::Expected<ElementsAttr> value =
      convertTensor(owner, proto, proto.name(), context);
  if (!value)
    return value.takeError();
  auto type = cast<RankedTensorType>(value->getShapedType());
  HostTensor tensor;
  tensor.elementType = type.getElementType();
  tensor.shape.assign(type.getShape().begin(), type.getShape().end());
  if (!tensor.elementType.isIntOrFloat())
    return llvm::createStringError("tensors of strings cannot be passed");
  llvm::Expected<std::string> bytes = getRawBytes(*value);
  if (!bytes)
    return bytes.takeError();
  unsigned width = tensor.elementType.getIntOrFloatBitWidth();
  if (width >= 8 || width == 1) {
    tensor.bytes = std::move(*bytes);
    return tensor;
  }
  // ONNX packs small elements, the first in the low bits; memory does not.
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    auto packed = static_cast<unsigned char>((*bytes)[i * width / 8]);
    tensor.bytes.push_back((packed >> (i * width % 8)) & ((1u << width) - 1));
  }
  return tensor;
}

/// Element `index` as bits, without what memory holds beside them.
uint64_t getBits(const HostTensor &tensor, int64_t index) {
  int64_t size = getElementSize(tensor.elementType);
  uint64_t bits = 0;
  memcpy(&bits, tensor.bytes.data() + index * size, size);
  unsigned width = tensor.elementType.getIntOrFloatBitWidth();
  return width >= 64 ? bits : bits & ((uint64_t(1) << width) - 1);
}

double getValue(const HostTensor &tensor, int64_t index) {
  uint64_t bits = getBits(tensor, index);
  unsigned width = tensor.elementType.getIntOrFloatBitWidth();
  auto type = dyn_cast<FloatType>(tensor.elementType);
  if (!type)
    return tensor.elementType.isUnsignedInteger() || width == 1
               ? static_cast<double>(bits)
               : static_cast<double>(llvm::SignExtend64(bits, width));
  llvm::APFloat value(type.getFloatSemantics(), llvm::APInt(width, bits));
  bool losesInfo = false;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

bool isClose(const HostTensor &got, const HostTensor &expected, int64_t index,
             Tolerance tolerance) {
  if (getBits(got, index) == getBits(expected, index))
    return true;
  auto type = dyn_cast<FloatType>(got.elementType);
  if (!type)
    return false;
  double x = getValue(got, index), y = getValue(expected, index);
  if (std::isnan(x) || std::isnan(y))
    return std::isnan(x) && std::isnan(y);
  if (std::isinf(x) || std::isinf(y))
    return x == y;
  double relative = tolerance.relative;
  unsigned precision = type.getFPMantissaWidth();
  if (precision > 4)
    relative = std::max(relative, std::ldexp(2.0, 1 - static_cast<int>(precision)));
  return std::abs(x - y) <= tolerance.absolute + relative * std::abs(y);
}

/// The first difference in words; empty if there is none.
std::string compare(const HostTensor &got, const HostTensor &expected,
                    bool valuesCount, Tolerance tolerance) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (got.elementType != expected.elementType) {
    stream << "element type " << got.elementType << ", expected "
           << expected.elementType;
    return text;
  }
  if (got.shape != expected.shape) {
    stream << "shape [";
    llvm::interleaveComma(got.shape, stream);
    stream << "], expected [";
    llvm::interleaveComma(expected.shape, stream);
    stream << "]";
    return text;
  }
  if (!valuesCount)
    return text;
  int64_t count = 1, differing = 0, first = -1;
  for (int64_t size : expected.shape)
    count *= size;
  for (int64_t i = 0; i < count; ++i)
    if (!isClose(got, expected, i, tolerance) && ++differing == 1)
      first = i;
  if (differing)
    stream << differing << " of " << count << " elements differ; element "
           << first << " is " << getValue(got, first) << ", expected "
           << getValue(expected, first);
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

Outcome neuroplast::conformance::runCase(StringRef folder,
                                         const DialectRegistry &registry,
                                         Tolerance tolerance) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  FirstError first(&context);
  std::string modelPath = (folder + "/model.onnx").str();
  auto refuse = [&](llvm::StringRef stage, std::string reason) {
    if (!first.text.empty())
      reason = first.text;
    return Outcome{Outcome::Refused, (stage + ": " + reason).str()};
  };
  OwningOpRef<ModuleOp> module = importOnnx(modelPath, {}, &context);
  if (!module)
    return refuse("import", "no reason given");
  auto compiled = CompiledModule::compile(*module);
  if (!compiled)
    return refuse("compile", llvm::toString(compiled.takeError()));

  onnx::ModelProto model;
  llvm::Expected<std::string> text = readFile(modelPath);
  if (!text)
    return {Outcome::Wrong, llvm::toString(text.takeError())};
  if (!model.ParseFromString(*text))
    return {Outcome::Wrong, "the model does not parse"};
  bool valuesCount = !hasRandomOutput(model.graph());
  int64_t sets = 0;
  for (;; ++sets) {
    std::string data = (folder + "/test_data_set_" + llvm::Twine(sets)).str();
    if (!llvm::sys::fs::is_directory(data))
      break;
    std::vector<HostTensor> inputs;
    for (int64_t i = 0; llvm::sys::fs::exists(data + "/input_" + llvm::Twine(i) + ".pb"); ++i) {
      auto tensor = readTensor(data + "/input_" + llvm::Twine(i) + ".pb", &context);
      if (!tensor)
        return {Outcome::Wrong, llvm::toString(tensor.takeError())};
      inputs.push_back(std::move(*tensor));
    }
    auto outputs = (*compiled)->run(inputs);
    if (!outputs)
      return {Outcome::Wrong, llvm::toString(outputs.takeError())};
    for (auto [i, output] : llvm::enumerate(*outputs)) {
      auto expected = readTensor(data + "/output_" + llvm::Twine(i) + ".pb", &context);
      if (!expected)
        return {Outcome::Wrong, llvm::toString(expected.takeError())};
      std::string difference =
          compare(output, *expected, valuesCount, tolerance);
      if (!difference.empty())
        return {Outcome::Wrong,
                ("output " + llvm::Twine(i) + ": " + difference).str()};
    }
  }
  if (sets == 0)
    return {Outcome::Wrong, "there is no test_data_set_0"};
  return {Outcome::Pass, ""};
}
