//===- support.c - What every compiled model carries ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

/* Compiled when the project is built, and linked into every model: the exported
   interface, and strided copies. Nothing else is seen outside the model. */

#pragma GCC visibility push(default)
#include "neuroplast/Runtime/Abi.h"
#include "profile.h"
void neuroplast_close(void);
const NeuroplastTime *neuroplast_profile(void);
#pragma GCC visibility pop
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made by the compiler for each model. */
extern const NeuroplastModelInfo neuroplast_model_info;
/* Its parameters that are not compiled in. */
extern NeuroplastTensor neuroplast_param_table[];
/* The code of the model for some sizes. */
typedef struct {
  /* Of all inputs and of all outputs, one behind the other; -1 where a size is
     known at run time. */
  const int64_t *input_sizes;
  const int64_t *output_sizes;
  /* By output, whether the model writes it to memory that it is given. */
  const uint8_t *writes_in_place;
  /* Calls the model with pointers to memref descriptors: those of results that
     it allocates (all in one struct), then one for each input, each of those
     parameters and each other result, and one for the workspace, if it needs
     one. */
  void (*invoke)(void **arguments);
  int64_t workspace_bytes;
} Form;
/* The last one takes all sizes that the model does. */
extern const Form neuroplast_forms[];
/* Calls the model, in any form, for the sizes of the outputs, one after the
   other, all in one struct. */
void neuroplast_invoke_sizes(void **arguments);

/*===--- Strided copies --------------------------------------------------===*/

typedef struct {
  int64_t rank;
  void *descriptor;
} UnrankedMemRef;

typedef struct {
  char *allocated;
  char *aligned;
  int64_t offset;
  int64_t sizesAndStrides[];
} MemRef;

void memrefCopy(int64_t elementSize, UnrankedMemRef *source,
                UnrankedMemRef *target);

void memrefCopy(int64_t elementSize, UnrankedMemRef *source,
                UnrankedMemRef *target) {
  int64_t rank = source->rank;
  MemRef *from = source->descriptor, *to = target->descriptor;
  const int64_t *sizes = from->sizesAndStrides;
  const int64_t *fromStrides = sizes + rank;
  const int64_t *toStrides = to->sizesAndStrides + rank;
  char *read = from->aligned + from->offset * elementSize;
  char *write = to->aligned + to->offset * elementSize;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (sizes[axis] == 0)
      return;
  /* Axes that are dense on both sides are one run. */
  int64_t dense = rank, run = elementSize;
  while (dense > 0 && fromStrides[dense - 1] * elementSize == run &&
         toStrides[dense - 1] * elementSize == run) {
    run *= sizes[dense - 1];
    --dense;
  }
  int64_t indices[NEUROPLAST_MAX_RANK] = {0};
  for (;;) {
    memcpy(write, read, run);
    int64_t axis = dense - 1;
    for (; axis >= 0; --axis) {
      read += fromStrides[axis] * elementSize;
      write += toStrides[axis] * elementSize;
      if (++indices[axis] < sizes[axis])
        break;
      read -= fromStrides[axis] * elementSize * sizes[axis];
      write -= toStrides[axis] * elementSize * sizes[axis];
      indices[axis] = 0;
    }
    if (axis < 0)
      return;
  }
}

/*===--- Profiles --------------------------------------------------------===*/

enum { mostEntries = 1 << 16 };

static NeuroplastTime profileTimes[mostEntries];
static int64_t profileLast;

static int64_t readClock(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

void neuroplast_profile_mark(int64_t entry);

/* The time since the last mark is that of an entry; -1 begins a run. Only for
   models that are run by one thread at a time. */
void neuroplast_profile_mark(int64_t entry) {
  int64_t now = readClock();
  if (entry >= 0 && entry < mostEntries) {
    profileTimes[entry].nanoseconds += now - profileLast;
    ++profileTimes[entry].calls;
  }
  profileLast = now;
}

/* By entry, of all runs. */
const NeuroplastTime *neuroplast_profile(void) { return profileTimes; }

/*===--- The interface ---------------------------------------------------===*/

const NeuroplastModelInfo *neuroplast_info(void) {
  return &neuroplast_model_info;
}

NeuroplastTensor *neuroplast_params(void) { return neuroplast_param_table; }

const char *neuroplast_error(void) {
  const ThreadState *state = getState();
  return state ? state->message : "there is no memory";
}

void neuroplast_free(void *data) { free(data); }

static int32_t fail(int32_t code, const char *text, const char *name) {
  snprintf(getState()->message, messageBytes, "'%s' %s", name, text);
  return code;
}

static int32_t checkInput(const NeuroplastTensorInfo *info,
                          const NeuroplastTensor *input, int needsData) {
  const int64_t maxBytes = (int64_t)1 << 62;
  int64_t count = 1;
  int isEmpty = 0;
  if (input->dtype != info->dtype)
    return fail(NEUROPLAST_BAD_TYPE, "has another element type", info->name);
  if (input->rank != info->rank)
    return fail(NEUROPLAST_BAD_SHAPE, "has another rank", info->name);
  for (int32_t axis = 0; axis < info->rank; ++axis) {
    int64_t size = input->shape[axis];
    if (size < 0 || (info->shape[axis] >= 0 && size != info->shape[axis])) {
      snprintf(getState()->message, messageBytes,
               "'%s' has size %lld along axis %d, expected %lld", info->name,
               (long long)size, axis, (long long)info->shape[axis]);
      return NEUROPLAST_BAD_SHAPE;
    }
    /* No tensor is larger, and products of sizes stay exact. */
    if (size && count > maxBytes / size / info->element_bytes) {
      snprintf(getState()->message, messageBytes,
               "'%s' has size %lld along axis %d, which is too large",
               info->name, (long long)size, axis);
      return NEUROPLAST_BAD_SHAPE;
    }
    count *= size ? size : 1;
    isEmpty |= !size;
  }
  if (needsData && !input->data && !isEmpty)
    return fail(NEUROPLAST_BAD_ARGUMENT, "has no data", info->name);
  if (info->dtype == NEUROPLAST_STRING && input->data && !isEmpty)
    for (int64_t i = 0; i < count; ++i)
      if (!((const char *const *)input->data)[i])
        return fail(NEUROPLAST_BAD_ARGUMENT, "has no text", info->name);
  return NEUROPLAST_OK;
}

/* Whether a free size has a name. Some writers put a question mark or a number
   there for every size that they do not know. */
static int isNamed(const NeuroplastTensorInfo *info, int32_t axis) {
  if (axis >= info->rank || info->shape[axis] >= 0)
    return 0;
  char first = info->dim_names[axis][0];
  return (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
         first == '_';
}

/* Sizes of one name are one size: other ones are a mistake of the caller. */
static int32_t checkNamedSizes(const NeuroplastModelInfo *model,
                               const NeuroplastTensor *inputs) {
  int32_t numSizes = model->num_inputs * NEUROPLAST_MAX_RANK;
  for (int32_t i = 0; i < numSizes; ++i) {
    int32_t input = i / NEUROPLAST_MAX_RANK, axis = i % NEUROPLAST_MAX_RANK;
    const NeuroplastTensorInfo *info = &model->inputs[input];
    if (!isNamed(info, axis))
      continue;
    /* The first size of that name is what the others are held to. */
    for (int32_t j = 0; j < i; ++j) {
      int32_t other = j / NEUROPLAST_MAX_RANK, at = j % NEUROPLAST_MAX_RANK;
      const NeuroplastTensorInfo *first = &model->inputs[other];
      if (!isNamed(first, at) ||
          strcmp(first->dim_names[at], info->dim_names[axis]))
        continue;
      if (inputs[other].shape[at] == inputs[input].shape[axis])
        break;
      snprintf(getState()->message, messageBytes,
               "'%s' has size %lld along axis %d, but '%s' has %lld for '%s'",
               info->name, (long long)inputs[input].shape[axis], axis,
               first->name, (long long)inputs[other].shape[at],
               info->dim_names[axis]);
      return NEUROPLAST_BAD_SHAPE;
    }
  }
  return NEUROPLAST_OK;
}

/* Puts texts behind the pointers to them, which come to point there. */
static void takeTexts(char **texts, int64_t count) {
  char *to = (char *)(texts + count);
  for (int64_t i = 0; i < count; ++i) {
    size_t length = strlen(texts[i]) + 1;
    texts[i] = memcpy(to, texts[i], length);
    to += length;
  }
}

/* Copies what may be a part of a larger tensor, row by row. */
static void copyDense(const NeuroplastTensorInfo *info, MemRef *from,
                      void *data) {
  int64_t words[3 + 2 * NEUROPLAST_MAX_RANK];
  MemRef *to = (MemRef *)words;
  to->allocated = to->aligned = data;
  to->offset = 0;
  int64_t stride = 1;
  for (int32_t axis = info->rank - 1; axis >= 0; --axis) {
    to->sizesAndStrides[axis] = from->sizesAndStrides[axis];
    to->sizesAndStrides[info->rank + axis] = stride;
    stride *= from->sizesAndStrides[axis];
  }
  UnrankedMemRef source = {info->rank, from}, target = {info->rank, to};
  memrefCopy(info->element_bytes, &source, &target);
}

/* Lets an output have memory for so many bytes. */
static int32_t takeMemory(const NeuroplastTensorInfo *info, int64_t bytes,
                          NeuroplastTensor *output) {
  if (output->data && output->capacity < bytes)
    return fail(NEUROPLAST_TOO_SMALL, "does not fit its buffer", info->name);
  if (output->data)
    return NEUROPLAST_OK;
  output->data = aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (!output->data)
    return fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", info->name);
  output->capacity = bytes;
  return NEUROPLAST_OK;
}

/* Sets what an output is, by its sizes; returns its elements. */
static int64_t setOutput(const NeuroplastTensorInfo *info, const int64_t *sizes,
                         NeuroplastTensor *output) {
  output->dtype = info->dtype;
  output->rank = info->rank;
  int64_t count = 1;
  for (int32_t axis = 0; axis < info->rank; ++axis) {
    output->shape[axis] = sizes[axis];
    count *= sizes[axis];
  }
  return count;
}

/* Gives an output what the model has allocated. */
static int32_t takeOutput(const NeuroplastTensorInfo *info, MemRef *result,
                          NeuroplastTensor *output) {
  int64_t count = setOutput(info, result->sizesAndStrides, output);
  int64_t bytes = info->element_bytes * count;
  char **texts = 0;
  if (info->dtype == NEUROPLAST_STRING) {
    texts = malloc(bytes + 1);
    if (!texts)
      return fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", info->name);
    copyDense(info, result, texts);
    for (int64_t i = 0; i < count; ++i)
      bytes += (int64_t)strlen(texts[i]) + 1;
  }
  int32_t code = takeMemory(info, bytes, output);
  if (!code && texts) {
    memcpy(output->data, texts, info->element_bytes * count);
    takeTexts(output->data, count);
  } else if (!code) {
    copyDense(info, result, output->data);
  }
  free(texts);
  return code;
}

/* Words of the descriptor of a tensor: three, a size and a stride per axis. */
static int32_t getDescriptorWords(const NeuroplastTensorInfo *info) {
  return 3 + 2 * info->rank;
}

/* A tensor that the model gives as several outputs lies in one buffer. */
static void freeResults(const NeuroplastModelInfo *model, const Form *form,
                        int64_t *words) {
  int64_t *result = words;
  for (int32_t i = 0; i < model->num_outputs; ++i) {
    if (form->writes_in_place[i])
      continue;
    char *block = ((MemRef *)result)->allocated;
    int64_t *earlier = words;
    int32_t j = 0;
    for (; earlier != result && ((MemRef *)earlier)->allocated != block; ++j)
      if (!form->writes_in_place[j])
        earlier += getDescriptorWords(&model->outputs[j]);
    if (earlier == result)
      _mlir_memref_to_llvm_free(block);
    result += getDescriptorWords(&model->outputs[i]);
  }
}

/* What is wrong with a run, if something is. Its parameters are then known. */
static int32_t checkRun(NeuroplastRun *run, int needsData) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  ThreadState *state = getState();
  if (!state)
    return NEUROPLAST_OUT_OF_MEMORY;
  state->message[0] = 0;
  if ((!run->inputs && model->num_inputs) ||
      (!run->outputs && model->num_outputs))
    return fail(NEUROPLAST_BAD_ARGUMENT, "has no tensors", "run");
  if ((intptr_t)run->workspace % 64)
    return fail(NEUROPLAST_BAD_ARGUMENT, "is not aligned", "workspace");
  for (int32_t i = 0; i < model->num_inputs; ++i) {
    int32_t code = checkInput(&model->inputs[i], &run->inputs[i], needsData);
    if (code)
      return code;
  }
  if (!run->params)
    run->params = neuroplast_param_table;
  for (int32_t i = 0; i < model->num_params; ++i) {
    int32_t code = checkInput(&model->params[i], &run->params[i], 1);
    if (code)
      return code;
  }
  return checkNamedSizes(model, run->inputs);
}

/* The elements of an input of strings; 0 for others. */
static int64_t countTexts(const NeuroplastTensor *input) {
  int64_t count = input->dtype == NEUROPLAST_STRING && input->data;
  for (int32_t axis = 0; axis < input->rank; ++axis)
    count *= input->shape[axis];
  return count;
}

/* Describes a dense tensor; returns what is behind the description. */
static int64_t *describe(const NeuroplastTensor *tensor, int64_t *words) {
  MemRef *descriptor = (MemRef *)words;
  descriptor->allocated = descriptor->aligned = tensor->data;
  descriptor->offset = 0;
  int64_t stride = 1;
  for (int32_t axis = tensor->rank - 1; axis >= 0; --axis) {
    descriptor->sizesAndStrides[axis] = tensor->shape[axis];
    descriptor->sizesAndStrides[tensor->rank + axis] = stride;
    stride *= tensor->shape[axis];
  }
  return words + 3 + 2 * tensor->rank;
}

/* The pointers that a call takes at most. */
static size_t countPointers(void) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  return model->num_inputs + model->num_params + model->num_outputs + 2;
}

/* The bytes of these and of what they point to: words for results, and the
   descriptors of tensors, with the texts of inputs that have some. */
static size_t countArgumentBytes(const NeuroplastRun *run,
                                 int64_t resultWords) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  size_t words = resultWords + 5; /* those of the workspace */
  for (int32_t i = 0; i < model->num_inputs; ++i)
    words +=
        getDescriptorWords(&model->inputs[i]) + countTexts(&run->inputs[i]);
  for (int32_t i = 0; i < model->num_params; ++i)
    words += getDescriptorWords(&model->params[i]);
  for (int32_t i = 0; i < model->num_outputs; ++i)
    words += getDescriptorWords(&model->outputs[i]);
  return countPointers() * sizeof(void *) + words * sizeof(int64_t);
}

/* A call in the making: where its next pointer and the next description go. */
typedef struct {
  void **pointer;
  int64_t *words;
} Arguments;

static void addTensor(Arguments *arguments, const NeuroplastTensor *tensor) {
  *arguments->pointer++ = arguments->words;
  arguments->words = describe(tensor, arguments->words);
}

/* Adds room for results, the inputs and the parameters. */
static int32_t addArguments(Arguments *arguments, const NeuroplastRun *run,
                            int64_t resultWords) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  *arguments->pointer++ = arguments->words;
  arguments->words += resultWords;
  for (int32_t i = 0; i < model->num_inputs; ++i) {
    MemRef *descriptor = (MemRef *)arguments->words;
    addTensor(arguments, &run->inputs[i]);
    int64_t texts = countTexts(&run->inputs[i]);
    if (texts)
      descriptor->allocated = descriptor->aligned = (char *)arguments->words;
    for (int64_t j = 0; j < texts; ++j) {
      const char *text = ((const char *const *)run->inputs[i].data)[j];
      text = keepText(getState(), text, strlen(text));
      if (!text)
        return fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", "run");
      *arguments->words++ = (int64_t)(intptr_t)text;
    }
  }
  for (int32_t i = 0; i < model->num_params; ++i)
    addTensor(arguments, &run->params[i]);
  return NEUROPLAST_OK;
}

/* Adds the outputs that the model writes in place, which get memory if they
   have none. */
static int32_t addOutputs(Arguments *arguments, const NeuroplastRun *run,
                          const Form *form) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  const int64_t *sizes = form->output_sizes;
  for (int32_t i = 0; i < model->num_outputs; ++i) {
    const NeuroplastTensorInfo *info = &model->outputs[i];
    const int64_t *own = sizes;
    sizes += info->rank;
    if (!form->writes_in_place[i])
      continue;
    int64_t count = setOutput(info, own, &run->outputs[i]);
    int32_t code =
        takeMemory(info, count * info->element_bytes, &run->outputs[i]);
    if (code)
      return code;
    addTensor(arguments, &run->outputs[i]);
  }
  return NEUROPLAST_OK;
}

/* Adds the workspace, if the model needs one; returns where its address is. */
static void **addWorkspace(Arguments *arguments, const NeuroplastRun *run,
                           const Form *form) {
  NeuroplastTensor workspace = {
      .data = run->workspace, .rank = 1, .shape = {form->workspace_bytes}};
  if (workspace.shape[0] == 0)
    return 0;
  MemRef *descriptor = (MemRef *)arguments->words;
  addTensor(arguments, &workspace);
  return (void **)&descriptor->aligned;
}

/* The first form that is for the sizes of the inputs. */
static const Form *chooseForm(const NeuroplastTensor *inputs) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  for (const Form *form = neuroplast_forms;; ++form) {
    const int64_t *size = form->input_sizes;
    int fits = 1;
    for (int32_t i = 0; i < model->num_inputs; ++i)
      for (int32_t axis = 0; axis < model->inputs[i].rank; ++axis, ++size)
        fits &= *size < 0 || *size == inputs[i].shape[axis];
    if (fits)
      return form;
  }
}

/* Does a run that was checked, with memory for its arguments. */
static int32_t runModel(const NeuroplastRun *run, void **memory,
                        int64_t resultWords) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  Arguments arguments = {memory, (int64_t *)(memory + countPointers())};
  int64_t *result = arguments.words;
  const Form *form = chooseForm(run->inputs);
  int32_t code = addArguments(&arguments, run, resultWords);
  if (!code)
    code = addOutputs(&arguments, run, form);
  if (code)
    return code;
  void **workspace = addWorkspace(&arguments, run, form);
  code = callModel(form->invoke, memory, workspace, form->workspace_bytes);
  if (code)
    return code;
  int64_t *next = result;
  for (int32_t i = 0; i < model->num_outputs && !code; ++i) {
    if (form->writes_in_place[i])
      continue;
    code = takeOutput(&model->outputs[i], (MemRef *)next, &run->outputs[i]);
    next += getDescriptorWords(&model->outputs[i]);
  }
  freeResults(model, form, result);
  return code;
}

enum { stackBytes = 8192 };

int32_t neuroplast_run_with(const NeuroplastRun *given) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  NeuroplastRun run = {0};
  if (given)
    run = *given;
  int32_t code = checkRun(&run, 1);
  if (code)
    return code;
  int64_t words = 0;
  for (int32_t i = 0; i < model->num_outputs; ++i)
    words += getDescriptorWords(&model->outputs[i]);
  /* Which outputs had memory, to take back what is given to others in vain. */
  size_t bytes = countArgumentBytes(&run, words), marks = model->num_outputs;
  int isLarge = bytes + marks > stackBytes;
  char *memory =
      isLarge ? malloc(bytes + marks) : __builtin_alloca(bytes + marks);
  if (!memory)
    return fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", "run");
  char *hadMemory = memory + bytes;
  for (int32_t i = 0; i < model->num_outputs; ++i)
    hadMemory[i] = run.outputs[i].data != 0;
  code = runModel(&run, (void **)memory, words);
  for (int32_t i = 0; i < model->num_outputs && code; ++i) {
    if (hadMemory[i])
      continue;
    free(run.outputs[i].data);
    run.outputs[i].data = 0;
  }
  releaseTexts(getState());
  if (isLarge)
    free(memory);
  return code;
}

int32_t neuroplast_run(const NeuroplastTensor *inputs,
                       NeuroplastTensor *outputs) {
  NeuroplastRun run = {.inputs = inputs, .outputs = outputs};
  return neuroplast_run_with(&run);
}

int32_t neuroplast_output_sizes(const NeuroplastTensor *inputs,
                                NeuroplastTensor *outputs) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  NeuroplastRun run = {.inputs = inputs, .outputs = outputs};
  int32_t code = checkRun(&run, model->sizes_need_data);
  if (code)
    return code;
  int64_t words = 2; /* the least that the struct has */
  for (int32_t i = 0; i < model->num_outputs; ++i)
    words += model->outputs[i].rank;
  void **memory = malloc(countArgumentBytes(&run, words));
  if (!memory)
    return fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", "run");
  Arguments arguments = {memory, (int64_t *)(memory + countPointers())};
  const int64_t *size = arguments.words;
  code = addArguments(&arguments, &run, words);
  if (!code)
    code = callModel(neuroplast_invoke_sizes, memory, 0, 0);
  releaseTexts(getState());
  for (int32_t i = 0; i < model->num_outputs && !code; ++i) {
    const NeuroplastTensorInfo *info = &model->outputs[i];
    outputs[i].dtype = info->dtype;
    outputs[i].rank = info->rank;
    int64_t bytes = info->dtype == NEUROPLAST_STRING ? -1 : info->element_bytes;
    for (int32_t axis = 0; axis < info->rank; ++axis) {
      outputs[i].shape[axis] = *size;
      bytes = bytes < 0 || *size < 0 ? -1 : bytes * *size;
      ++size;
    }
    outputs[i].capacity = bytes;
  }
  free(memory);
  return code;
}
