//===- UnsafeInference.cpp - What the library infers unsafely -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "UnsafeInference.h"

#include "onnx/defs/schema.h"
#include "onnx/defs/shape_inference.h"

#include <mutex>

using namespace neuroplast;

void neuroplast::dropUnsafeInference() {
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
        schema.TypeAndShapeInferenceFunction([](onnx::InferenceContext &op) {
          for (size_t i = 0; i < op.getNumOutputs(); ++i)
            onnx::propagateElemTypeFromInputToOutput(op, 0, i);
        });
        onnx::RegisterSchema(std::move(schema));
      }
    }
  });
}
