//===- Interface.cpp - The model's interface, in code and as a header -----===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interface.h"

#include "neuroplast/Dialect/Neuro/IR/ElementTypes.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Runtime/Abi.h"
#include "neuroplast/Runtime/Model.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/IPO/Internalize.h"

using namespace neuroplast;

// The C header of models, with general names.
extern "C" const char neuroplast_abi_begin[];
extern "C" const char neuroplast_abi_end[];

/// The number of an element type in the interface; 0 if it cannot cross it.
static int32_t getDtype(mlir::Type type) {
  return type.isIntOrFloat() || llvm::isa<neuro::StringType>(type)
             ? getElementTypeNumber(type)
             : 0;
}

static llvm::StringRef getCType(int32_t dtype) {
  switch (dtype) {
  case NEUROPLAST_FLOAT32:
    return "float";
  case NEUROPLAST_FLOAT64:
    return "double";
  case NEUROPLAST_FLOAT16:
    return "16-bit float";
  case NEUROPLAST_BFLOAT16:
    return "bfloat16";
  case NEUROPLAST_FLOAT8E4M3FN:
  case NEUROPLAST_FLOAT8E4M3FNUZ:
  case NEUROPLAST_FLOAT8E5M2:
  case NEUROPLAST_FLOAT8E5M2FNUZ:
    return "8-bit float";
  case NEUROPLAST_STRING:
    return "const char *";
  case NEUROPLAST_BOOL:
    return "uint8_t (0 or 1)";
  case NEUROPLAST_UINT8:
    return "uint8_t";
  case NEUROPLAST_INT8:
    return "int8_t";
  case NEUROPLAST_UINT16:
    return "uint16_t";
  case NEUROPLAST_INT16:
    return "int16_t";
  case NEUROPLAST_UINT32:
    return "uint32_t";
  case NEUROPLAST_INT32:
    return "int32_t";
  case NEUROPLAST_UINT64:
    return "uint64_t";
  default:
    return "int64_t";
  }
}

static llvm::Expected<TensorDescription>
describeTensor(mlir::Type type, mlir::DictionaryAttr attributes,
               const llvm::Twine &fallback) {
  TensorDescription tensor;
  tensor.name = fallback.str();
  if (attributes)
    if (auto name = attributes.getAs<mlir::StringAttr>("neuro.name"))
      tensor.name = name.str();
  auto ranked = llvm::dyn_cast<mlir::RankedTensorType>(type);
  int32_t dtype = ranked ? getDtype(ranked.getElementType()) : 0;
  if (!dtype || ranked.getRank() > NEUROPLAST_MAX_RANK) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "'" + tensor.name + "' of type " + text +
                                       " cannot cross the C interface");
  }
  tensor.dtype = dtype;
  tensor.elementBytes = static_cast<int32_t>(getElementBytes(dtype));
  for (int64_t size : ranked.getShape())
    tensor.shape.push_back(mlir::ShapedType::isDynamic(size) ? -1 : size);
  tensor.dimNames.resize(tensor.shape.size());
  if (attributes)
    if (auto names = attributes.getAs<mlir::ArrayAttr>("neuro.dims"))
      for (auto [name, attribute] : llvm::zip(tensor.dimNames, names))
        if (auto string = llvm::dyn_cast<mlir::StringAttr>(attribute))
          name = string.str();
  return tensor;
}

llvm::Expected<InterfaceDescription>
neuroplast::describeInterface(mlir::func::FuncOp main) {
  InterfaceDescription interface;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    auto tensor =
        describeTensor(main.getArgumentTypes()[i], main.getArgAttrDict(i),
                       "input" + llvm::Twine(i));
    if (!tensor)
      return tensor.takeError();
    auto param = neuro::getArgumentParam(main, i);
    if (param)
      tensor->param = param.getValue().str();
    (param ? interface.params : interface.inputs).push_back(*tensor);
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto tensor =
        describeTensor(main.getResultTypes()[i], main.getResultAttrDict(i),
                       "output" + llvm::Twine(i));
    if (!tensor)
      return tensor.takeError();
    interface.outputs.push_back(*tensor);
  }
  return interface;
}

void neuroplast::addBuffers(InterfaceDescription &interface,
                            mlir::func::FuncOp main) {
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (auto output =
            main.getArgAttrOfType<mlir::IntegerAttr>(i, "neuro.output"))
      interface.outputs[output.getInt()].isWrittenInPlace = true;
    if (main.getArgAttr(i, "neuro.workspace"))
      interface.workspaceBytes =
          llvm::cast<mlir::MemRefType>(main.getArgumentTypes()[i])
              .getNumElements();
  }
}

namespace {

/// Builds the constants of the interface.
class InterfaceBuilder {
public:
  explicit InterfaceBuilder(llvm::Module &module)
      : module(module), context(module.getContext()), builder(context),
        i32(builder.getInt32Ty()), i64(builder.getInt64Ty()),
        ptr(builder.getPtrTy()),
        tensorType(
            llvm::StructType::get(context, {ptr, i32, i32, i32, ptr, ptr})) {}

  llvm::Constant *addGlobal(llvm::Constant *value) {
    return new llvm::GlobalVariable(module, value->getType(), true,
                                    llvm::GlobalValue::PrivateLinkage, value);
  }
  llvm::Constant *addString(llvm::StringRef text) {
    return addGlobal(llvm::ConstantDataArray::getString(context, text));
  }
  llvm::Constant *addArray(llvm::Type *type,
                           llvm::ArrayRef<llvm::Constant *> values) {
    auto *array = llvm::ArrayType::get(type, values.size());
    return addGlobal(llvm::ConstantArray::get(array, values));
  }
  /// The sizes of all tensors, one behind the other.
  llvm::Constant *addSizes(llvm::ArrayRef<TensorDescription> tensors) {
    std::vector<llvm::Constant *> sizes;
    for (const TensorDescription &tensor : tensors)
      for (int64_t size : tensor.shape)
        sizes.push_back(llvm::ConstantInt::getSigned(i64, size));
    return addArray(i64, sizes);
  }
  llvm::Constant *addTensors(llvm::ArrayRef<TensorDescription> tensors) {
    std::vector<llvm::Constant *> entries;
    for (const TensorDescription &tensor : tensors) {
      std::vector<llvm::Constant *> shape, names;
      for (int64_t size : tensor.shape)
        shape.push_back(llvm::ConstantInt::getSigned(i64, size));
      for (const std::string &name : tensor.dimNames)
        names.push_back(addString(name));
      entries.push_back(llvm::ConstantStruct::get(
          tensorType,
          {addString(tensor.name), llvm::ConstantInt::get(i32, tensor.dtype),
           llvm::ConstantInt::get(i32, tensor.elementBytes),
           llvm::ConstantInt::get(i32, tensor.shape.size()),
           addArray(i64, shape), addArray(ptr, names)}));
    }
    return addArray(tensorType, entries);
  }

  void addInfo(const InterfaceDescription &interface, int64_t workspaceBytes) {
    auto number = [&](int64_t value) {
      return llvm::ConstantInt::get(i32, value);
    };
    auto *info = llvm::ConstantStruct::getAnon(
        {number(NEUROPLAST_ABI_VERSION), number(interface.inputs.size()),
         number(interface.outputs.size()), number(interface.sizesNeedData),
         addTensors(interface.inputs), addTensors(interface.outputs),
         number(interface.params.size()), addTensors(interface.params),
         addString(interface.fingerprint),
         llvm::ConstantInt::get(i64, workspaceBytes)});
    expose(new llvm::GlobalVariable(module, info->getType(), true,
                                    llvm::GlobalValue::ExternalLinkage, info,
                                    "neuroplast_model_info"));
  }

  /// Adds the list of forms, the first one at its end.
  void addForms(llvm::ArrayRef<InterfaceDescription> forms) {
    auto *type = llvm::StructType::get(context, {ptr, ptr, ptr, ptr, i64});
    std::vector<llvm::Constant *> entries;
    for (size_t form = forms.size(); form-- > 0;) {
      const InterfaceDescription &interface = forms[form];
      std::vector<uint8_t> inPlace;
      for (const TensorDescription &output : interface.outputs)
        inPlace.push_back(output.isWrittenInPlace);
      llvm::FunctionCallee invoke = module.getOrInsertFunction(
          getInvokeName(form),
          llvm::FunctionType::get(builder.getVoidTy(), {ptr}, false));
      auto *function = llvm::cast<llvm::Function>(invoke.getCallee());
      function->setVisibility(llvm::GlobalValue::HiddenVisibility);
      entries.push_back(llvm::ConstantStruct::get(
          type,
          {addSizes(interface.inputs), addSizes(interface.outputs),
           addGlobal(llvm::ConstantDataArray::get(context, inPlace)), function,
           llvm::ConstantInt::get(i64, interface.workspaceBytes)}));
    }
    auto *array = llvm::ArrayType::get(type, entries.size());
    expose(new llvm::GlobalVariable(
        module, array, true, llvm::GlobalValue::ExternalLinkage,
        llvm::ConstantArray::get(array, entries), "neuroplast_forms"));
  }

  static std::string getInvokeName(size_t form) {
    return "neuroplast_invoke_" + std::to_string(form);
  }

  /// Adds the parameters that the model takes, as `NeuroplastTensor`s.
  void addTable(llvm::ArrayRef<TensorDescription> params,
                llvm::ArrayRef<ParamData> table) {
    auto *sizesType = llvm::ArrayType::get(i64, NEUROPLAST_MAX_RANK);
    auto *type =
        llvm::StructType::get(context, {ptr, i64, i32, i32, sizesType});
    std::vector<llvm::Constant *> entries;
    for (auto [param, data] : llvm::zip_equal(params, table)) {
      auto *symbol = new llvm::GlobalVariable(
          module, builder.getInt8Ty(), true, llvm::GlobalValue::ExternalLinkage,
          nullptr, data.symbol);
      std::vector<llvm::Constant *> sizes(NEUROPLAST_MAX_RANK,
                                          llvm::ConstantInt::get(i64, 0));
      for (auto [axis, size] : llvm::enumerate(data.shape))
        sizes[axis] = llvm::ConstantInt::get(i64, size);
      entries.push_back(llvm::ConstantStruct::get(
          type, {symbol, llvm::ConstantInt::get(i64, data.bytes.size()),
                 llvm::ConstantInt::get(i32, param.dtype),
                 llvm::ConstantInt::get(i32, data.shape.size()),
                 llvm::ConstantArray::get(sizesType, sizes)}));
    }
    auto *array = llvm::ArrayType::get(type, entries.size());
    expose(new llvm::GlobalVariable(
        module, array, false, llvm::GlobalValue::ExternalLinkage,
        llvm::ConstantArray::get(array, entries), "neuroplast_param_table"));
  }

  /// Adds a function that unpacks pointers, one to results, if it has some, and
  /// so many others, and calls the C interface of one of the model.
  void addInvoke(llvm::StringRef name, llvm::StringRef target, bool hasResults,
                 unsigned others) {
    auto *function = llvm::Function::Create(
        llvm::FunctionType::get(builder.getVoidTy(), {ptr}, false),
        llvm::GlobalValue::ExternalLinkage, name, module);
    expose(function);
    builder.SetInsertPoint(
        llvm::BasicBlock::Create(context, "entry", function));
    auto load = [&](unsigned index) {
      return builder.CreateLoad(
          ptr, builder.CreateConstGEP1_64(ptr, function->getArg(0), index));
    };
    std::vector<llvm::Value *> arguments;
    if (hasResults)
      arguments.push_back(load(0));
    for (unsigned i = 0; i < others; ++i)
      arguments.push_back(load(i + 1));
    llvm::FunctionCallee entry = module.getOrInsertFunction(
        target, llvm::FunctionType::get(
                    builder.getVoidTy(),
                    std::vector<llvm::Type *>(arguments.size(), ptr), false));
    builder.CreateCall(entry, arguments);
    builder.CreateRetVoid();
  }

  /// Whether the support runtime refers to it.
  bool isExposed(const llvm::GlobalValue &value) const {
    return exposed.contains(&value);
  }

private:
  /// Lets the support runtime see what has been made, and nobody else.
  void expose(llvm::GlobalValue *value) {
    value->setVisibility(llvm::GlobalValue::HiddenVisibility);
    exposed.insert(value);
  }

  llvm::SmallPtrSet<const llvm::GlobalValue *, 8> exposed;
  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::IRBuilder<> builder;
  llvm::Type *i32, *i64, *ptr;
  llvm::StructType *tensorType;
};

} // namespace

void neuroplast::addInterface(llvm::Module &module,
                              llvm::ArrayRef<InterfaceDescription> forms,
                              size_t form, llvm::ArrayRef<ParamData> table) {
  InterfaceBuilder builder(module);
  const InterfaceDescription &interface = forms[form];
  unsigned inPlace = llvm::count_if(
      interface.outputs, [](const auto &o) { return o.isWrittenInPlace; });
  unsigned given = interface.inputs.size() + interface.params.size();
  builder.addInvoke(InterfaceBuilder::getInvokeName(form), "_mlir_ciface_main",
                    inPlace < interface.outputs.size(),
                    given + inPlace + (interface.workspaceBytes > 0));
  if (form == 0) {
    int64_t workspace = 0; // that suffices for all of them
    for (const InterfaceDescription &other : forms)
      workspace = std::max(workspace, other.workspaceBytes);
    builder.addInfo(interface, workspace);
    builder.addTable(interface.params, table);
    builder.addForms(forms);
    builder.addInvoke("neuroplast_invoke_sizes", "_mlir_ciface_output_sizes",
                      true, given);
  }
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return builder.isExposed(value);
  });
}

static void writeTensors(llvm::raw_ostream &os, llvm::StringRef title,
                         llvm::ArrayRef<TensorDescription> tensors) {
  for (auto [index, tensor] : llvm::enumerate(tensors)) {
    os << "   " << title << "[" << index << "]  \"" << tensor.name << "\"  "
       << getCType(tensor.dtype) << "  [";
    for (auto [axis, size] : llvm::enumerate(tensor.shape)) {
      os << (axis ? ", " : "");
      if (size >= 0)
        os << size;
      else
        os << (tensor.dimNames[axis].empty() ? "?" : tensor.dimNames[axis]);
    }
    os << "]\n";
  }
}

std::string neuroplast::writeHeader(const InterfaceDescription &interface,
                                    llvm::StringRef prefix) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string guard = prefix.upper() + "_H";
  os << "/* The C interface of the compiled model '" << prefix << "'.\n\n";
  writeTensors(os, "inputs", interface.inputs);
  writeTensors(os, "outputs", interface.outputs);
  writeTensors(os, "params", interface.params);
  os << "\n   The functions below take and give them in this order. "
        "*/\n\n#ifndef "
     << guard << "\n#define " << guard << "\n\n";
  llvm::StringRef abi(neuroplast_abi_begin,
                      neuroplast_abi_end - neuroplast_abi_begin);
  abi = abi.substr(abi.find("#ifndef"));
  // Types have capitals, macros nothing else.
  constexpr llvm::StringLiteral kPrefix = "neuroplast_";
  for (size_t at; (at = abi.find(kPrefix)) != llvm::StringRef::npos;) {
    os << abi.take_front(at) << prefix << "_";
    abi = abi.drop_front(at + kPrefix.size());
  }
  os << abi << "\n#endif /* " << guard << " */\n";
  return text;
}
