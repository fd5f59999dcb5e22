//===- Export.cpp - neuro to ONNX -----------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Frontend/ONNX/Export.h"
#include "GraphWriter.h"
#include "ModuleMetadata.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::onnx_frontend;

namespace {

/// What a model declares if the import recorded nothing.
constexpr int64_t kDefaultOpset = 21;

/// The oldest format version that may declare an opset.
int64_t getIrVersion(int64_t opset) {
  // Each version begins with the opset on its left.
  constexpr std::pair<int64_t, int64_t> versions[] = {
      {28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}};
  for (auto [first, version] : versions)
    if (opset >= first)
      return version;
  return 8;
}

class Exporter {
public:
  Exporter(ModuleOp module, ::onnx::ModelProto &model)
      : module(module), model(model), writer(*model.mutable_graph()) {}

  /// Writes the data of large parameters to a stream that the model knows by a
  /// location.
  void keepDataIn(llvm::raw_ostream &stream, StringRef location) {
    writer.externalData = &stream;
    writer.externalLocation = location.str();
  }

  LogicalResult run() {
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (!main || main.isExternal() || !llvm::hasSingleElement(main.getBody()))
      return module.emitError(
          "there is no function 'main' of one block to export");
    writeHeader();
    if (failed(nameInterface(main)) || failed(writeParams(main)))
      return failure();
    for (Operation &op : main.getBody().front().without_terminator())
      if (failed(writeOperation(writer, &op)))
        return failure();
    writeAliases();
    lowerToOriginal();
    declareTypes();
    writeMasks(module, paramNames, model);
    if (failed(writePlasticity(module, paramNames, model, writer)) ||
        failed(writeStates(module, paramNames, model, writer)))
      return failure();
    return writeHistory(module, paramNames, model, writer);
  }

private:
  /// Says what is known of the results of nodes: readers infer less, and less
  /// of older opsets.
  void declareTypes() {
    llvm::StringSet<> declared;
    for (const auto &output : writer.graph().output())
      declared.insert(output.name());
    for (const auto &info : writer.graph().value_info())
      declared.insert(info.name());
    ValueTypes types = writer.getTypes();
    for (const auto &node : writer.graph().node())
      for (const std::string &name : node.output()) {
        auto type = types.find(name);
        ::onnx::ValueInfoProto info;
        if (type == types.end() || !declared.insert(name).second ||
            !GraphWriter::setType(*info.mutable_type(), type->second))
          continue;
        info.set_name(name);
        *writer.graph().add_value_info() = std::move(info);
      }
  }

  /// Writes the graph at the opset of the file that it was read from, or else
  /// at the lowest one above that can say it.
  void lowerToOriginal() {
    auto info = module->getAttrOfType<DictionaryAttr>("neuro.model");
    auto getInt = [&](StringRef name) -> int64_t {
      auto value = info ? info.getAs<IntegerAttr>(name) : IntegerAttr();
      return value ? value.getInt() : 0;
    };
    int64_t written = getInt("opset"), original = getInt("original_opset");
    // Before, operators broadcast in another way.
    constexpr int64_t kOldest = 7;
    // Weights need not be inputs, too, from format version 4 on.
    int64_t format = getInt("ir_version"),
            needed = writer.graph().initializer_size() ? 4 : 3;
    if (format && original == written)
      model.set_ir_version(std::max(format, needed));
    if (original < 1 || original >= written)
      return;
    ValueTypes types = writer.getTypes();
    std::string problem;
    int64_t opset = std::max(original, kOldest);
    for (; opset < written; ++opset) {
      std::string why = lowerOpset(writer.graph(), types, opset);
      if (why.empty())
        break;
      if (problem.empty())
        problem = std::move(why);
    }
    model.mutable_opset_import(0)->set_version(opset);
    model.set_ir_version(opset == std::max(original, kOldest) && format
                             ? std::max(format, needed)
                             : getIrVersion(opset));
    if (!problem.empty())
      module.emitWarning("is written at opset ")
          << opset << ", not " << original << ": " << problem << " there";
  }

  void writeHeader() {
    auto info = module->getAttrOfType<DictionaryAttr>("neuro.model");
    auto getInt = [&](StringRef name, int64_t otherwise) {
      auto value = info ? info.getAs<IntegerAttr>(name) : IntegerAttr();
      return value ? value.getInt() : otherwise;
    };
    auto getString = [&](StringRef name) {
      auto value = info ? info.getAs<StringAttr>(name) : StringAttr();
      return value ? value.getValue().str() : std::string();
    };
    int64_t version = getInt("opset", kDefaultOpset);
    model.set_ir_version(getIrVersion(version));
    auto *opset = model.add_opset_import();
    opset->set_domain("");
    opset->set_version(version);
    if (int64_t modelVersion = getInt("model_version", 0))
      model.set_model_version(modelVersion);
    model.set_domain(getString("domain"));
    if (info)
      if (auto domains = info.getAs<DictionaryAttr>("domains"))
        for (NamedAttribute domain : domains)
          if (auto version = dyn_cast<IntegerAttr>(domain.getValue())) {
            auto *import = model.add_opset_import();
            import->set_domain(domain.getName().str());
            import->set_version(version.getInt());
          }
    model.set_producer_name(getString("producer_name"));
    model.set_producer_version(getString("producer_version"));
    model.set_doc_string(getString("doc_string"));
    std::string graphName = getString("graph_name");
    writer.graph().set_name(graphName.empty() ? "main" : graphName);
    if (info)
      if (auto metadata = info.getAs<DictionaryAttr>("metadata"))
        for (NamedAttribute entry : metadata)
          if (auto text = dyn_cast<StringAttr>(entry.getValue())) {
            auto *property = model.add_metadata_props();
            property->set_key(entry.getName().str());
            property->set_value(text.getValue().str());
          }
    if (int64_t original = getInt("original_opset", 0)) {
      auto *property = model.add_metadata_props();
      property->set_key("neuroplast.original_opset");
      property->set_value(std::to_string(original));
    }
  }

  LogicalResult writeType(::onnx::ValueInfoProto &info, Value value,
                          ArrayAttr dims) {
    if (GraphWriter::setType(*info.mutable_type(), value.getType(), dims))
      return success();
    return emitError(value.getLoc()) << "an input or output of type "
                                     << value.getType() << " has no ONNX form";
  }

  LogicalResult nameInterface(func::FuncOp main) {
    auto nameOf = [](StringAttr name, StringRef kind, unsigned index) {
      return name ? name.getValue().str() : (kind + Twine(index)).str();
    };
    for (BlockArgument argument : main.getArguments()) {
      unsigned index = argument.getArgNumber();
      std::string name =
          nameOf(main.getArgAttrOfType<StringAttr>(index, "neuro.name"),
                 "input", index);
      writer.reserve(name);
      writer.setName(argument, name);
      auto *info = writer.graph().add_input();
      info->set_name(name);
      if (failed(
              writeType(*info, argument,
                        main.getArgAttrOfType<ArrayAttr>(index, "neuro.dims"))))
        return failure();
    }
    llvm::DenseSet<Value> named;
    for (OpOperand &operand :
         main.getBody().front().getTerminator()->getOpOperands()) {
      unsigned index = operand.getOperandNumber();
      std::string name =
          nameOf(main.getResultAttrOfType<StringAttr>(index, "neuro.name"),
                 "output", index);
      writer.reserve(name);
      auto *info = writer.graph().add_output();
      info->set_name(name);
      if (failed(writeType(
              *info, operand.get(),
              main.getResultAttrOfType<ArrayAttr>(index, "neuro.dims"))))
        return failure();
      Operation *producer = operand.get().getDefiningOp();
      bool own =
          producer && !isa<neuro::GetParamOp, neuro::ConstantOp>(producer);
      if (own && named.insert(operand.get()).second)
        writer.setName(operand.get(), name);
      else
        aliases.emplace_back(operand.get(), name);
    }
    return success();
  }

  /// Parameters that something reads, as initializers in the order of the
  /// module.
  LogicalResult writeParams(func::FuncOp main) {
    llvm::DenseMap<StringAttr, SmallVector<neuro::GetParamOp>> reads;
    main.walk([&](neuro::GetParamOp read) {
      reads[read.getNameAttr().getAttr()].push_back(read);
    });
    for (auto param : module.getOps<neuro::ParamOp>()) {
      auto it = reads.find(param.getSymNameAttr());
      if (it == reads.end())
        continue;
      StringRef source =
          param.getSourceName() ? *param.getSourceName() : param.getSymName();
      std::string name = writer.makeName(source);
      paramNames[param.getSymName()] = name;
      if (failed(writer.addInitializer(name, param.getValue(), param.getLoc())))
        return failure();
      for (neuro::GetParamOp read : it->second)
        writer.setName(read.getResult(), name);
    }
    return success();
  }

  void writeAliases() {
    for (const auto &[value, name] : aliases) {
      auto *node = writer.graph().add_node();
      node->set_op_type("Identity");
      node->add_input(writer.getName(value));
      node->add_output(name);
    }
  }

  ModuleOp module;
  ::onnx::ModelProto &model;
  GraphWriter writer;
  /// The initializers, by symbol.
  llvm::StringMap<std::string> paramNames;
  /// Outputs whose value goes by another name.
  std::vector<std::pair<Value, std::string>> aliases;
};

/// A file that appears under its name only once it is complete.
class PendingFile {
public:
  explicit PendingFile(const llvm::Twine &path)
      : path(path.str()), temporary(this->path + ".part"),
        os(temporary, error) {}
  ~PendingFile() {
    if (!isKept)
      llvm::sys::fs::remove(temporary);
  }

  llvm::raw_fd_ostream &getStream() { return os; }
  StringRef getPath() const { return path; }
  /// Ends writing; whether everything was written.
  std::error_code close() {
    if (error)
      return error;
    os.close();
    error = os.error();
    os.clear_error();
    return error;
  }
  std::error_code keep() {
    if (!error)
      error = llvm::sys::fs::rename(temporary, path);
    isKept = !error;
    return error;
  }

private:
  std::string path, temporary;
  std::error_code error;
  llvm::raw_fd_ostream os;
  bool isKept = false;
};

/// The bytes that parameters in one file have at most: below 2 GiB, with room
/// for the nodes.
constexpr uint64_t kMostInline = (uint64_t(1) << 31) - (uint64_t(1) << 27);

/// Bytes of all parameters.
uint64_t countBytes(ModuleOp module) {
  uint64_t bytes = 0;
  for (auto param : module.getOps<neuro::ParamOp>()) {
    RankedTensorType type = param.getType();
    if (type.getElementType().isIntOrFloat())
      bytes += neuro::countElements(type.getShape()) *
               llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  }
  return bytes;
}

} // namespace

LogicalResult neuroplast::onnx_frontend::exportBytes(ModuleOp module,
                                                     std::string &bytes) {
  ::onnx::ModelProto model;
  if (failed(Exporter(module, model).run()))
    return failure();
  if (countBytes(module) > kMostInline || !model.SerializeToString(&bytes))
    return module.emitError("the model is larger than 2 GiB");
  return success();
}

LogicalResult
neuroplast::onnx_frontend::exportFile(ModuleOp module, StringRef path,
                                      const ExportOptions &options) {
  ::onnx::ModelProto model;
  Exporter exporter(module, model);
  std::optional<PendingFile> data;
  if (options.externalData || countBytes(module) > kMostInline) {
    data.emplace(path + ".data");
    exporter.keepDataIn(data->getStream(),
                        llvm::sys::path::filename(data->getPath()));
  }
  if (failed(exporter.run()))
    return failure();
  if (model.ByteSizeLong() > 0x7fffffffULL)
    return module.emitError("the model is larger than 2 GiB without its "
                            "weights, which no file of the format holds");
  PendingFile file(path);
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    return module.emitError("the model cannot be serialised");
  file.getStream() << bytes;
  // The data first: a model never points to what is not there.
  for (PendingFile *pending : {data ? &*data : nullptr, &file})
    if (pending)
      if (std::error_code error = pending->close())
        return module.emitError("cannot write '")
               << pending->getPath() << "': " << error.message();
  for (PendingFile *pending : {data ? &*data : nullptr, &file})
    if (pending)
      if (std::error_code error = pending->keep())
        return module.emitError("cannot write '")
               << pending->getPath() << "': " << error.message();
  return success();
}
