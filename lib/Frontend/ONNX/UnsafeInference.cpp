//===- UnsafeInference.cpp - What the library infers unsafely -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "UnsafeInference.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

#include "onnx/defs/schema.h"
#include "onnx/defs/shape_inference.h"

#include <mutex>

using namespace neuroplast;

void neuroplast::dropUnsafeInference() {
  static std::once_flag once;
  std::call_once(once, [] {
    const llvm::StringSet<> unsafe{"Einsum", "GatherND", "Split"};
    for (onnx::OpSchema schema :
         onnx::OpSchemaRegistry::get_all_schemas_with_history()) {
      if (!unsafe.contains(schema.Name()) || !schema.domain().empty())
        continue;
      onnx::OpSchemaRegistry::OpSchemaDeregister(
          schema.Name(), schema.SinceVersion(), schema.domain());
      schema.TypeAndShapeInferenceFunction([](onnx::InferenceContext &context) {
        for (size_t i = 0; i < context.getNumOutputs(); ++i)
          onnx::propagateElemTypeFromInputToOutput(context, 0, i);
      });
      onnx::RegisterSchema(std::move(schema));
    }
  });
}
