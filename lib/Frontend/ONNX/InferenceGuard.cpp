//===- InferenceGuard.cpp - Nodes that the library must not look at -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceGuard.h"

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include "onnx/defs/schema.h"
#include "onnx/defs/shape_inference.h"

#include <mutex>

using namespace neuroplast;
using neuroplast::neuro::detail::isEinsumTerm;

/// Whether the library infers within bounds for this node.
static bool isSafe(llvm::StringRef op, const onnx::InferenceContext &node) {
  auto get = [&](const char *name) { return node.getAttribute(name); };
  if (op == "Einsum") {
    // Any other character, a space too, is counted as a place of the shape.
    const onnx::AttributeProto *equation = get("equation");
    if (!equation)
      return false;
    auto [left, right] = llvm::StringRef(equation->s()).split("->");
    llvm::SmallVector<llvm::StringRef> terms;
    left.split(terms, ',');
    return isEinsumTerm(right) && llvm::all_of(terms, isEinsumTerm);
  }
  if (op == "GatherND") {
    // More axes than any tensor of a model has.
    constexpr int64_t kMostAxes = 64;
    const onnx::AttributeProto *axes = get("batch_dims");
    return !axes || (axes->i() >= 0 && axes->i() <= kMostAxes);
  }
  // Split makes a list of as many pieces as the attribute says.
  const onnx::AttributeProto *pieces = get("num_outputs");
  return !pieces || pieces->i() == static_cast<int64_t>(node.getNumOutputs());
}

void neuroplast::guardInference() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (const char *name : {"Einsum", "GatherND", "Split"}) {
      // From the newest version to the first.
      std::vector<onnx::OpSchema> schemas;
      const onnx::OpSchema *next =
          onnx::OpSchemaRegistry::Schema(name, onnx::ONNX_DOMAIN);
      while (next) {
        schemas.push_back(*next);
        next = onnx::OpSchemaRegistry::Schema(name, next->SinceVersion() - 1,
                                              onnx::ONNX_DOMAIN);
      }
      for (onnx::OpSchema &schema : schemas) {
        onnx::OpSchemaRegistry::OpSchemaDeregister(name, schema.SinceVersion());
        onnx::InferenceFunction infer =
            schema.GetTypeAndShapeInferenceFunction();
        schema.TypeAndShapeInferenceFunction(
            [name, infer](onnx::InferenceContext &node) {
              if (isSafe(name, node))
                return infer(node);
              for (size_t i = 0; i < node.getNumOutputs(); ++i)
                onnx::propagateElemTypeFromInputToOutput(node, 0, i);
            });
        onnx::RegisterSchema(std::move(schema));
      }
    }
  });
}
