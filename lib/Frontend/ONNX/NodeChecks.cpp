//===- NodeChecks.cpp - What the library trusts and should not ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NodeChecks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace neuroplast;
using llvm::StringRef;

/// More axes than any tensor of a model has.
static constexpr int64_t kMostAxes = 64;

/// Why an attribute would be taken beyond its bounds; empty if it is not.
static std::string findProblem(const onnx::NodeProto &node,
                               const onnx::AttributeProto &attribute) {
  StringRef op = node.op_type(), name = attribute.name();
  if (op == "GatherND" && name == "batch_dims" &&
      (attribute.i() < 0 || attribute.i() > kMostAxes))
    return std::to_string(attribute.i()) + " batch axes";
  if (op == "Einsum" && name == "equation")
    for (char c : attribute.s())
      if (!llvm::isAlpha(c) && !StringRef(".,-> ").contains(c))
        return "an equation with '" + std::string(1, c) + "'";
  return "";
}

llvm::Error neuroplast::checkNodes(const onnx::GraphProto &graph) {
  for (const auto &node : graph.node())
    for (const auto &attribute : node.attribute()) {
      if (std::string problem = findProblem(node, attribute); !problem.empty())
        return llvm::createStringError(
            llvm::inconvertibleErrorCode(),
            "node '" +
                (node.name().empty() && node.output_size()
                     ? node.op_type() + ":" + node.output(0)
                     : node.name()) +
                "': operator '" + node.op_type() + "' has " + problem);
      if (attribute.has_g())
        if (llvm::Error error = checkNodes(attribute.g()))
          return error;
    }
  return llvm::Error::success();
}
