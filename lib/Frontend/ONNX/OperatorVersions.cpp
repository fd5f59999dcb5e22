//===- OperatorVersions.cpp -----------------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OperatorVersions.h"

#include <algorithm>
#include <onnx/defs/schema.h>

using namespace neuroplast;

int64_t neuroplast::getOpset(const onnx::ModelProto &model) {
  for (const auto &entry : model.opset_import())
    if (entry.domain().empty() || entry.domain() == "ai.onnx")
      return entry.version();
  return 1;
}

int64_t neuroplast::getNewestOpset() {
  // Later ones have operators to which no converter leads yet.
  constexpr int64_t kFollowed = 26;
  const auto &versions =
      onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  return std::min<int64_t>(versions.at("").second, kFollowed);
}

bool neuroplast::hasNewestMeaning(const onnx::NodeProto &node, int64_t opset) {
  const onnx::OpSchema *own = onnx::OpSchemaRegistry::Schema(
      node.op_type(), static_cast<int>(opset), "");
  const onnx::OpSchema *newest = onnx::OpSchemaRegistry::Schema(
      node.op_type(), static_cast<int>(getNewestOpset()), "");
  if (!own || !newest)
    return false;
  if (own->SinceVersion() == newest->SinceVersion())
    return true;
  bool isLater = own->SinceVersion() > newest->SinceVersion();
  for (const auto &[name, attribute] : own->attributes()) {
    auto it = newest->attributes().find(name);
    // What a later version added means nothing where it is not given.
    if (it == newest->attributes().end() && isLater)
      continue;
    if (it == newest->attributes().end() || it->second.type != attribute.type ||
        it->second.default_value.SerializeAsString() !=
            attribute.default_value.SerializeAsString())
      return false;
  }
  for (const auto &attribute : node.attribute())
    if (!newest->attributes().count(attribute.name()))
      return false;
  for (int i = 0; i < node.input_size(); ++i) {
    size_t place = i;
    if (place >= own->inputs().size())
      break; // the last one is variadic
    if (place >= newest->inputs().size())
      return false;
    if (own->inputs()[i].GetName() != newest->inputs()[i].GetName())
      return false;
  }
  return isLater || (own->inputs().size() <= newest->inputs().size() &&
                     own->outputs().size() <= newest->outputs().size());
}

static bool haveSameTypes(
    const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> &a,
    const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> &b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const onnx::ValueInfoProto &x, const onnx::ValueInfoProto &y) {
        const auto &s = x.type().tensor_type(), &t = y.type().tensor_type();
        return x.name() == y.name() && s.elem_type() == t.elem_type() &&
               (!s.has_shape() || !t.has_shape() ||
                s.shape().dim_size() == t.shape().dim_size());
      });
}

bool neuroplast::haveSameInterface(const onnx::GraphProto &a,
                                   const onnx::GraphProto &b) {
  return haveSameTypes(a.input(), b.input()) &&
         haveSameTypes(a.output(), b.output());
}
