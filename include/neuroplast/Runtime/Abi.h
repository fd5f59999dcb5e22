//===- Abi.h - The C interface of a compiled model ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

/* Every compiled model exports the functions at the end of this file under
   these names, and again under a prefix made of the library's name: the header
   that comes with a library is this file with that prefix. Types are declared
   once for all models, functions for each. */

#ifndef NEUROPLAST_RUNTIME_ABI_H
#define NEUROPLAST_RUNTIME_ABI_H

#include <stdint.h>

#define NEUROPLAST_ABI_VERSION 2
#define NEUROPLAST_MAX_RANK 16

/* Element types, with the numbers of ONNX. */
enum {
  NEUROPLAST_FLOAT32 = 1,
  NEUROPLAST_UINT8 = 2,
  NEUROPLAST_INT8 = 3,
  NEUROPLAST_UINT16 = 4,
  NEUROPLAST_INT16 = 5,
  NEUROPLAST_INT32 = 6,
  NEUROPLAST_INT64 = 7,
  /* `data` points to pointers to texts in UTF-8 that end in a zero. Those of an
     output lie behind its pointers, in the same memory. */
  NEUROPLAST_STRING = 8,
  NEUROPLAST_BOOL = 9, /* one byte, 0 or 1 */
  NEUROPLAST_FLOAT16 = 10,
  NEUROPLAST_FLOAT64 = 11,
  NEUROPLAST_UINT32 = 12,
  NEUROPLAST_UINT64 = 13,
  NEUROPLAST_BFLOAT16 = 16,
  NEUROPLAST_FLOAT8E4M3FN = 17,
  NEUROPLAST_FLOAT8E4M3FNUZ = 18,
  NEUROPLAST_FLOAT8E5M2 = 19,
  NEUROPLAST_FLOAT8E5M2FNUZ = 20
};

/* What neuroplast_run and neuroplast_output_sizes return. */
enum {
  NEUROPLAST_OK = 0,
  NEUROPLAST_BAD_ARGUMENT = 1, /* a null pointer */
  NEUROPLAST_BAD_TYPE = 2,     /* an input has another element type */
  NEUROPLAST_BAD_SHAPE = 3,    /* a rank or size does not fit */
  NEUROPLAST_OUT_OF_MEMORY = 4,
  NEUROPLAST_TOO_SMALL = 5, /* a given output buffer is too small */
  NEUROPLAST_BAD_VALUE = 6  /* an index, a length or a divisor does not fit */
};

/* A dense tensor, row by row. `data` needs the alignment of its element type;
   64 bytes are best. */
typedef struct {
  void *data;
  int64_t capacity; /* outputs: bytes at data, if data is not null */
  int32_t dtype;
  int32_t rank;
  int64_t shape[NEUROPLAST_MAX_RANK];
} NeuroplastTensor;

typedef struct {
  const char *name;
  int32_t dtype;
  int32_t element_bytes;
  int32_t rank;
  const int64_t *shape;         /* -1 where a size is known at run time */
  const char *const *dim_names; /* "" where a size has no name */
} NeuroplastTensorInfo;

typedef struct {
  int32_t abi_version;
  int32_t num_inputs;
  int32_t num_outputs;
  int32_t sizes_need_data; /* see neuroplast_output_sizes */
  const NeuroplastTensorInfo *inputs;
  const NeuroplastTensorInfo *outputs;
  /* The parameters that are not compiled in; see neuroplast_params. */
  int32_t num_params;
  const NeuroplastTensorInfo *params;
  /* Stands for all that is compiled in; empty if that is everything. */
  const char *fingerprint;
  /* What a run needs besides: see NeuroplastRun. */
  int64_t workspace_bytes;
} NeuroplastModelInfo;

/* All that a run works on. */
typedef struct {
  const NeuroplastTensor *inputs;
  NeuroplastTensor *outputs;
  /* In the place of those of neuroplast_params; null for these. */
  const NeuroplastTensor *params;
  /* As many bytes as the model's workspace_bytes, which no other run uses, on
     an address that 64 divides. Null: the library takes and keeps memory of its
     own. It does so in any case for tensors whose sizes only a run knows. */
  void *workspace;
} NeuroplastRun;

#endif /* NEUROPLAST_RUNTIME_ABI_H */

#ifdef __cplusplus
extern "C" {
#endif

/* The names, types and shapes of a model; lives as long as the library. */
const NeuroplastModelInfo *neuroplast_info(void);

/* Runs the model once. Inputs are read only. An output whose data is null gets
   memory that the caller gives back to neuroplast_free; else the result is
   written to data, which must not overlap an input. Element type and shape of
   the outputs are set either way. Several threads may run at the same time. */
int32_t neuroplast_run(const NeuroplastTensor *inputs,
                       NeuroplastTensor *outputs);

/* The same with memory and parameters of the caller. */
int32_t neuroplast_run_with(const NeuroplastRun *run);

/* Sets element type, rank and shape of the outputs for inputs of given shapes,
   and as capacity the bytes that they take; a size that only the computation
   decides is -1, and so is the capacity then. Reads the data of inputs, which
   may be null otherwise, only if the model's sizes_need_data is not 0. */
int32_t neuroplast_output_sizes(const NeuroplastTensor *inputs,
                                NeuroplastTensor *outputs);

/* The parameters that all runs read, in the order of the model's info: those
   that it was compiled to be given. At first they are the model's own, whose
   data is read only. A caller may put memory of their own in the place of data,
   which the library never frees, and change sizes that are -1 in the info, but
   not while a run is under way. Sizes that belong together change together, or
   runs fail with NEUROPLAST_BAD_SHAPE. */
NeuroplastTensor *neuroplast_params(void);

/* Frees the data of an output that neuroplast_run allocated. */
void neuroplast_free(void *data);

/* Why the last run on this thread failed; an empty text if it did not. */
const char *neuroplast_error(void);

#ifdef __cplusplus
}
#endif
