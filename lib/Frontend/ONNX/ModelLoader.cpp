//===- ModelLoader.cpp - Read, check and upgrade an ONNX model ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModelLoader.h"
#include "InferenceGuard.h"
#include "InlineData.h"
#include "OperatorUpgrades.h"
#include "OperatorVersions.h"
#include "Tensors.h"
#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Support/Suggestion.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/stat.h>

#include "onnx/checker.h"
#include "onnx/defs/parser.h"
#include "onnx/defs/schema.h"
#include "onnx/inliner/inliner.h"
#include "onnx/shape_inference/implementation.h"
#include "onnx/version_converter/convert.h"

using namespace neuroplast;
using llvm::createStringError;
using llvm::StringRef;

static llvm::Error makeError(const llvm::Twine &message) {
  // The library's messages span lines; ours are one line.
  std::string line = message.str();
  for (char &c : line)
    if (c == '\n' || c == '\r')
      c = ' ';
  return createStringError(llvm::inconvertibleErrorCode(), line);
}

static llvm::Error parse(std::shared_ptr<llvm::MemoryBuffer> file,
                         StringRef path, LoadedModel &model) {
  StringRef bytes = file->getBuffer();
  if (path.ends_with(".onnxtext")) {
    std::string text = bytes.str();
    auto status = onnx::OnnxParser::Parse(model.proto, text.c_str());
    if (!status.IsOK())
      return makeError("is no ONNX text: " +
                       llvm::Twine(status.ErrorMessage()));
    return llvm::Error::success();
  }
  if (bytes.size() > static_cast<size_t>(INT32_MAX))
    return makeError("is larger than 2 GiB; keep its weights as external data");
  std::string light;
  if (std::optional<LightModel> lightened = lightenModel(bytes)) {
    light = std::move(lightened->bytes);
    bytes = light;
    model.inlineData = std::move(lightened->data);
    model.file = std::move(file);
  }
  google::protobuf::io::ArrayInputStream stream(bytes.data(), bytes.size());
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(INT32_MAX);
  if (!model.proto.ParseFromCodedStream(&coded) ||
      !coded.ConsumedEntireMessage())
    return makeError("is no ONNX model, or is truncated");
  if (!model.proto.has_graph())
    return makeError("holds no graph");
  return llvm::Error::success();
}

static llvm::Error
applyInputShapes(onnx::GraphProto &graph,
                 const llvm::StringMap<llvm::SmallVector<int64_t>> &shapes) {
  for (const auto &entry : shapes) {
    onnx::ValueInfoProto *input = nullptr;
    for (auto &candidate : *graph.mutable_input())
      if (candidate.name() == entry.getKey())
        input = &candidate;
    if (!input || !input->type().has_tensor_type())
      return makeError(
          "has no tensor input '" + entry.getKey() + "'" +
          suggest(entry.getKey(),
                  llvm::map_range(graph.input(), [](const auto &known) {
                    return llvm::StringRef(known.name());
                  })));
    auto *type = input->mutable_type()->mutable_tensor_type();
    const auto &sizes = entry.getValue();
    if (type->has_shape()) {
      if (static_cast<size_t>(type->shape().dim_size()) != sizes.size())
        return makeError("input '" + entry.getKey() + "' has rank " +
                         llvm::Twine(type->shape().dim_size()) + ", not " +
                         llvm::Twine(sizes.size()));
      for (size_t axis = 0; axis < sizes.size(); ++axis) {
        const auto &dim = type->shape().dim(axis);
        if (dim.has_dim_value() && dim.dim_value() > 0 &&
            dim.dim_value() != sizes[axis])
          return makeError("input '" + entry.getKey() + "' has size " +
                           llvm::Twine(dim.dim_value()) + " along axis " +
                           llvm::Twine(axis) + ", not " +
                           llvm::Twine(sizes[axis]));
      }
    }
    // A scalar has a shape, too: one without sizes.
    type->mutable_shape()->clear_dim();
    for (int64_t size : sizes)
      type->mutable_shape()->add_dim()->set_dim_value(size);
  }
  return llvm::Error::success();
}

/// Gives inputs a value, which makes constants of them.
static llvm::Error
applyInputValues(onnx::GraphProto &graph,
                 const llvm::StringMap<mlir::ElementsAttr> &values) {
  for (const auto &entry : values) {
    bool isInput = llvm::any_of(graph.input(), [&](const auto &input) {
      return StringRef(input.name()) == entry.getKey();
    });
    if (!isInput)
      return makeError("has no input '" + entry.getKey() + "'");
    auto elements = TensorElements::read(entry.getValue());
    if (!elements)
      return makeError("cannot hold the value of '" + entry.getKey() + "'");
    mlir::ShapedType type = entry.getValue().getShapedType();
    onnx::TensorProto *tensor = graph.add_initializer();
    tensor->set_name(entry.getKey().str());
    tensor->set_data_type(getElementTypeNumber(type.getElementType()));
    for (int64_t size : type.getShape())
      tensor->add_dims(size);
    tensor->set_raw_data(elements->getBytes().data(),
                         elements->getBytes().size());
  }
  return llvm::Error::success();
}

/// Before IR version 4 every initializer is a graph input too; those that have
/// a value are constants here.
static void dropInitializedInputs(onnx::GraphProto &graph) {
  llvm::StringMap<bool> initialized;
  for (const auto &tensor : graph.initializer())
    initialized[tensor.name()] = true;
  auto *inputs = graph.mutable_input();
  for (int i = inputs->size() - 1; i >= 0; --i)
    if (initialized.count(inputs->Get(i).name()))
      inputs->DeleteSubrange(i, 1);
}

/// Operators that only their definition as a function explains.
static bool isInlinedOperator(StringRef name) {
  static constexpr llvm::StringLiteral names[] = {"AffineGrid",
                                                  "BlackmanWindow",
                                                  "CausalConvWithState",
                                                  "CenterCropPad",
                                                  "DynamicQuantizeLinear",
                                                  "HammingWindow",
                                                  "HannWindow",
                                                  "LinearAttention",
                                                  "MeanVarianceNormalization",
                                                  "NegativeLogLikelihoodLoss",
                                                  "SequenceMap",
                                                  "SoftmaxCrossEntropyLoss",
                                                  "SwiGLU"};
  return llvm::is_contained(names, name);
}

static void inferShapes(onnx::ModelProto &model) {
  onnx::ShapeInferenceOptions options(/*check_type=*/false, /*strict_mode=*/0,
                                      /*data_prop=*/true);
  try {
    onnx::shape_inference::InferShapes(
        model, onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::exception &) {
    // Shapes are inferred again, op by op, during the translation.
  }
}

/// A function's body refers to the attributes of its call, and the inliner
/// leaves a reference open where the call relies on a default.
static void addDefaultAttributes(onnx::NodeProto &node, int opset) {
  const onnx::OpSchema *schema =
      onnx::OpSchemaRegistry::Schema(node.op_type(), opset, node.domain());
  if (!schema)
    return;
  for (const auto &[name, attribute] : schema->attributes()) {
    bool isGiven = llvm::any_of(node.attribute(), [&](const auto &given) {
      return given.name() == name;
    });
    if (!isGiven && attribute.default_value.has_type()) {
      *node.add_attribute() = attribute.default_value;
      node.mutable_attribute()->rbegin()->set_name(name);
    }
  }
}

/// A body may use such operators itself, and may need the types around it.
static void inlineRareOperators(onnx::ModelProto &model) {
  constexpr int kDepth = 4;
  for (int depth = 0; depth < kDepth; ++depth) {
    onnx::inliner::FunctionIdVector ids;
    // The inliner asks for the type of every operand, also of one that is
    // absent: operators of which one is stay as they are.
    llvm::StringSet<> unfit;
    for (const auto &node : model.graph().node())
      if (llvm::is_contained(node.input(), ""))
        unfit.insert(node.op_type());
    for (auto &node : *model.mutable_graph()->mutable_node())
      if (node.domain().empty() && isInlinedOperator(node.op_type()) &&
          !unfit.contains(node.op_type())) {
        addDefaultAttributes(node, static_cast<int>(getOpset(model)));
        ids.push_back({"", node.op_type()});
      }
    if (ids.empty())
      return;
    inferShapes(model);
    auto set = onnx::inliner::FunctionIdSet::Create(std::move(ids));
    onnx::inliner::InlineSelectedFunctions(model, *set,
                                           onnx::OpSchemaRegistry::Instance());
  }
}

/// Calls `visit` with every tensor of some nodes and of the graphs in them.
static void
visitTensors(google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
             llvm::function_ref<void(onnx::TensorProto &)> visit);

static void visitTensors(onnx::GraphProto &graph,
                         llvm::function_ref<void(onnx::TensorProto &)> visit) {
  for (auto &tensor : *graph.mutable_initializer())
    visit(tensor);
  visitTensors(*graph.mutable_node(), visit);
}

static void
visitTensors(google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
             llvm::function_ref<void(onnx::TensorProto &)> visit) {
  for (auto &node : nodes)
    for (auto &attribute : *node.mutable_attribute()) {
      if (attribute.has_t())
        visit(*attribute.mutable_t());
      for (auto &tensor : *attribute.mutable_tensors())
        visit(tensor);
      if (attribute.has_g())
        visitTensors(*attribute.mutable_g(), visit);
      for (auto &graph : *attribute.mutable_graphs())
        visitTensors(graph, visit);
    }
}

/// Where nodes wait that the library refuses by their operator alone, while it
/// looks at the others: runtimes have operators that it does not know, and run
/// some that it calls deprecated.
static constexpr llvm::StringLiteral uncheckedDomain = "neuroplast.unchecked";

template <typename Callable>
static void
visitNodes(google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
           Callable visit) {
  for (auto &node : nodes) {
    visit(node);
    for (auto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        visitNodes(*attribute.mutable_g()->mutable_node(), visit);
      for (auto &graph : *attribute.mutable_graphs())
        visitNodes(*graph.mutable_node(), visit);
    }
  }
}

static void setAsideUnchecked(onnx::ModelProto &model) {
  int opset = static_cast<int>(getOpset(model));
  bool isAny = false;
  auto setAside = [&](onnx::NodeProto &node) {
    if (!node.domain().empty() && node.domain() != "ai.onnx")
      return;
    const onnx::OpSchema *schema =
        onnx::OpSchemaRegistry::Schema(node.op_type(), opset, "");
    if (schema && !schema->Deprecated())
      return;
    node.set_domain(uncheckedDomain.str());
    isAny = true;
  };
  visitNodes(*model.mutable_graph()->mutable_node(), setAside);
  if (!isAny)
    return;
  auto *import = model.add_opset_import();
  import->set_domain(uncheckedDomain.str());
  import->set_version(1);
}

static void bringBackUnchecked(onnx::ModelProto &model) {
  visitNodes(*model.mutable_graph()->mutable_node(), [](onnx::NodeProto &node) {
    if (StringRef(node.domain()) == uncheckedDomain)
      node.clear_domain();
  });
  auto *imports = model.mutable_opset_import();
  for (int i = imports->size() - 1; i >= 0; --i)
    if (StringRef(imports->Get(i).domain()) == uncheckedDomain)
      imports->DeleteSubrange(i, 1);
}

/// Checks external data here and the rest of the model by the library, which
/// looks for such data in the working directory, not beside the model. Throws
/// what the library throws.
static llvm::Error checkModel(LoadedModel &model) {
  std::vector<std::pair<onnx::TensorProto *, onnx::TensorProto>> external;
  llvm::Error problem = llvm::Error::success();
  auto hide = [&](onnx::TensorProto &tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL || problem)
      return;
    if (auto data = mapExternalData(model, tensor); !data) {
      problem = data.takeError();
      return;
    }
    onnx::TensorProto &hidden =
        external.emplace_back(&tensor, onnx::TensorProto()).second;
    hidden.Swap(&tensor);
    tensor.set_name(hidden.name());
    tensor.set_data_type(hidden.data_type());
    tensor.add_dims(0);
  };
  visitTensors(*model.proto.mutable_graph(), hide);
  for (auto &function : *model.proto.mutable_functions())
    visitTensors(*function.mutable_node(), hide);
  if (problem)
    return problem;
  // What an output is, its node says; the library wants it said twice.
  auto &outputs = *model.proto.mutable_graph()->mutable_output();
  auto declared = outputs;
  for (auto &output : outputs) {
    auto *type = output.mutable_type();
    if (type->value_case() == onnx::TypeProto::VALUE_NOT_SET)
      type->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    if (type->has_tensor_type())
      (void)type->mutable_tensor_type()->mutable_shape();
  }
  onnx::checker::check_model(model.proto);
  outputs.Swap(&declared);
  for (auto &[tensor, hidden] : external)
    tensor->Swap(&hidden);
  return llvm::Error::success();
}

/// Takes the data of large and of external initializers out: no step then
/// copies them, or looks for files itself. What is returned has just the data.
static llvm::StringMap<onnx::TensorProto> takeData(onnx::GraphProto &graph) {
  llvm::StringMap<onnx::TensorProto> data;
  for (auto &tensor : *graph.mutable_initializer()) {
    bool isExternal = tensor.data_location() == onnx::TensorProto::EXTERNAL;
    if (!isExternal && tensor.raw_data().size() < 4096)
      continue;
    onnx::TensorProto &taken = data[tensor.name()];
    if (isExternal) {
      taken.set_data_location(onnx::TensorProto::EXTERNAL);
      taken.mutable_external_data()->Swap(tensor.mutable_external_data());
      tensor.clear_data_location();
      tensor.set_raw_data("");
    } else {
      taken.mutable_raw_data()->swap(*tensor.mutable_raw_data());
    }
  }
  return data;
}

static void restoreData(onnx::GraphProto &graph,
                        llvm::StringMap<onnx::TensorProto> &data) {
  for (auto &tensor : *graph.mutable_initializer()) {
    auto it = data.find(tensor.name());
    if (it == data.end())
      continue;
    if (it->second.data_location() == onnx::TensorProto::EXTERNAL) {
      tensor.set_data_location(onnx::TensorProto::EXTERNAL);
      tensor.mutable_external_data()->Swap(it->second.mutable_external_data());
      tensor.clear_raw_data();
    } else {
      tensor.mutable_raw_data()->swap(*it->second.mutable_raw_data());
    }
  }
}

static const onnx::version_conversion::DefaultVersionConverter &getConverter() {
  // The library builds one for each model, which takes longer than to use it.
  static const onnx::version_conversion::DefaultVersionConverter converter;
  return converter;
}

/// The same model in the newest opset; throws where the library cannot tell.
static onnx::ModelProto upgrade(onnx::ModelProto model, int64_t opset) {
  onnx::shape_inference::InferShapes(model);
  return getConverter().convert_version(model, onnx::OpSetID(opset),
                                        onnx::OpSetID(getNewestOpset()));
}

void neuroplast::loadOnnxOperators() {
  guardInference();
  getConverter();
}

llvm::Expected<std::shared_ptr<LoadedModel>>
neuroplast::loadModel(std::shared_ptr<llvm::MemoryBuffer> file, StringRef path,
                      const ImportOptions &options) {
  google::protobuf::LogSilencer silence;
  guardInference();
  auto model = std::make_shared<LoadedModel>();
  llvm::SmallString<128> folder(path);
  llvm::sys::path::remove_filename(folder);
  model->folder = folder.empty() ? "." : folder.str().str();
  if (llvm::Error error = parse(std::move(file), path, *model))
    return std::move(error);
  model->originalOpset = getOpset(model->proto);
  model->irVersion = model->proto.ir_version();
  if (model->originalOpset > getNewestOpset() + 2 || model->originalOpset < 1)
    return makeError("uses opset " + llvm::Twine(model->originalOpset) +
                     "; the newest known one is " +
                     llvm::Twine(getNewestOpset()));
  for (const auto &output : model->proto.graph().output())
    model->declaredOutputs[output.name()] = output.type();
  try {
    setAsideUnchecked(model->proto);
    if (llvm::Error error = checkModel(*model))
      return std::move(error);
    auto data = takeData(*model->proto.mutable_graph());
    onnx::inliner::InlineLocalFunctions(model->proto, /*convert_version=*/true);
    if (llvm::Error error = applyInputShapes(*model->proto.mutable_graph(),
                                             options.inputShapes))
      return std::move(error);
    if (llvm::Error error = applyInputValues(*model->proto.mutable_graph(),
                                             options.inputValues))
      return std::move(error);
    if (model->originalOpset < getNewestOpset()) {
      // Not every operator has a converter; then the model's own opset stays.
      try {
        OperatorUpgrades upgrades;
        onnx::ModelProto prepared = model->proto;
        if (llvm::Error error = upgrades.prepare(*prepared.mutable_graph(),
                                                 model->originalOpset))
          return std::move(error);
        onnx::ModelProto upgraded =
            upgrade(std::move(prepared), model->originalOpset);
        upgrades.finish(*upgraded.mutable_graph());
        // The converter drops what it does not know of.
        upgraded.mutable_metadata_props()->CopyFrom(
            model->proto.metadata_props());
        if (haveSameInterface(model->proto.graph(), upgraded.graph()))
          model->proto.Swap(&upgraded);
      } catch (const std::exception &) {
      }
    }
    inlineRareOperators(model->proto);
    inferShapes(model->proto);
    restoreData(*model->proto.mutable_graph(), data);
    bringBackUnchecked(model->proto);
  } catch (const std::exception &error) {
    return makeError("is no valid ONNX model: " + llvm::Twine(error.what()));
  }
  dropInitializedInputs(*model->proto.mutable_graph());
  // A model of other domains only says nothing of the operators of ONNX.
  bool hasOnnxDomain =
      llvm::any_of(model->proto.opset_import(), [](const auto &import) {
        return import.domain().empty() || import.domain() == "ai.onnx";
      });
  model->opset = hasOnnxDomain ? getOpset(model->proto) : getNewestOpset();
  return model;
}

llvm::Expected<std::pair<std::shared_ptr<llvm::MemoryBuffer>, StringRef>>
neuroplast::mapExternalData(LoadedModel &model,
                            const onnx::TensorProto &tensor) {
  std::string location;
  uint64_t offset = 0, length = UINT64_MAX;
  for (const auto &entry : tensor.external_data()) {
    StringRef value = entry.value();
    size_t number = 0;
    if (StringRef(entry.key()) == inlineDataKey &&
        !value.getAsInteger(10, number) && number < model.inlineData.size())
      return std::pair(model.file, model.inlineData[number]);
    bool bad = false;
    if (entry.key() == "location")
      location = value.str();
    else if (entry.key() == "offset")
      bad = value.getAsInteger(10, offset);
    else if (entry.key() == "length")
      bad = value.getAsInteger(10, length);
    if (bad)
      return makeError("tensor '" + tensor.name() + "' has a malformed " +
                       entry.key() + " of external data");
  }
  auto refuse = [&](const llvm::Twine &reason) {
    return makeError("tensor '" + tensor.name() + "' has external data '" +
                     location + "' that " + reason);
  };
  if (location.empty())
    return refuse("names no file");
  if (llvm::sys::path::is_absolute(location))
    return refuse("is an absolute path");
  for (auto it = llvm::sys::path::begin(location),
            end = llvm::sys::path::end(location);
       it != end; ++it)
    if (*it == "..")
      return refuse("leaves the folder of the model");
  llvm::SmallString<128> path(model.folder);
  llvm::sys::path::append(path, location);
  // No part below the model's folder may be a link, nor the file a second name
  // of one that may lie elsewhere.
  llvm::SmallString<128> part(model.folder);
  for (auto it = llvm::sys::path::begin(location),
            end = llvm::sys::path::end(location);
       it != end; ++it) {
    llvm::sys::path::append(part, *it);
    if (llvm::sys::fs::is_symlink_file(part))
      return refuse("is a symbolic link");
  }
  struct stat status;
  if (::stat(path.c_str(), &status) != 0)
    return refuse("does not exist");
  if (!S_ISREG(status.st_mode))
    return refuse("is no regular file");
  if (status.st_nlink > 1)
    return refuse("is a hard link");
  std::shared_ptr<llvm::MemoryBuffer> &file = model.files[path];
  if (!file) {
    auto mapped = mapFile(path);
    if (!mapped)
      return refuse("cannot be read: " + mapped.getError().message());
    file = std::move(*mapped);
  }
  uint64_t size = file->getBufferSize();
  if (offset > size || (length != UINT64_MAX && length > size - offset))
    return refuse("is shorter than the tensor claims");
  return std::pair(file, file->getBuffer().substr(offset, length));
}
