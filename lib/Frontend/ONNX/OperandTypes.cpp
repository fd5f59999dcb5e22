//===- OperandTypes.cpp - What operators take -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OperandTypes.h"
#include "Tensors.h"

#include "onnx/defs/data_type_utils.h"
#include "onnx/defs/schema.h"

using namespace mlir;
using namespace neuroplast;

/// The element type of a tensor; null for a value that is none.
static Type getKnownElementType(const GraphValue &value) {
  if (value.constant)
    return value.constant.getShapedType().getElementType();
  if (value.elements)
    return value.elementType;
  auto type = value.value ? dyn_cast<RankedTensorType>(value.value.getType())
                          : RankedTensorType();
  return type ? type.getElementType() : Type();
}

LogicalResult neuroplast::checkOperandTypes(NodeContext &node) {
  using onnx::OpSchema;
  const OpSchema *schema = onnx::OpSchemaRegistry::Schema(
      node.node.op_type(), static_cast<int>(node.importer.model->opset), "");
  if (!schema || schema->inputs().empty())
    return success();
  // What each type variable stands for, and the operand that said so.
  llvm::StringMap<std::pair<Type, int>> variables;
  for (int i = 0; i < node.node.input_size(); ++i) {
    GraphValue *value =
        node.hasInput(i) ? node.importer.lookup(node.node.input(i)) : nullptr;
    Type type = value ? getKnownElementType(*value) : Type();
    if (!type)
      continue;
    const OpSchema::FormalParameter &parameter =
        schema->inputs()[std::min<size_t>(i, schema->inputs().size() - 1)];
    onnx::TypeProto proto;
    proto.mutable_tensor_type()->set_elem_type(getElementTypeNumber(type));
    if (!parameter.GetTypes().count(onnx::Utils::DataTypeUtils::ToType(proto)))
      return node.error() << "takes no elements of type " << type
                          << " as its operand '" << parameter.GetName() << "'";
    if (parameter.GetOption() == OpSchema::Variadic &&
        !parameter.GetIsHomogeneous())
      continue;
    auto [known, isNew] =
        variables.try_emplace(parameter.GetTypeStr(), std::pair(type, i));
    if (!isNew && known->second.first != type)
      return node.error() << "takes elements of type " << known->second.first
                          << " as operand #" << known->second.second
                          << ", but of type " << type << " as operand #" << i;
  }
  return success();
}
