//===- support.c - What every compiled model carries ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

/* Compiled to bitcode when the project is built, and linked into every model:
   the exported interface, strided copies, and an allocator that keeps large
   blocks for the next run. */

#include "neuroplast/Runtime/Abi.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Made by the compiler for each model. */
extern const NeuroplastModelInfo neuroplast_model_info;
/* Calls the model with pointers to memref descriptors: the results' first (all
   in one struct), then one for each input. */
void neuroplast_invoke(void **arguments);
/* The same for the sizes of the outputs, one after the other, all in one
 * struct. */
void neuroplast_invoke_sizes(void **arguments);

enum { cachedBlocks = 64, messageBytes = 512, headerBytes = 64 };

/* Stands before each block, in `headerBytes`. The blocks that a run holds are
   one list. */
typedef struct BlockHeader {
  size_t size;
  struct BlockHeader *previous, *next;
} BlockHeader;

/* What each thread keeps between runs. Not thread-local storage: code that is
   loaded into memory has none. The states of all threads are one list, so that
   a model that goes takes them along. */
typedef struct ThreadState {
  char message[messageBytes];
  void *cached[cachedBlocks];
  BlockHeader *held; /* by the present run */
  jmp_buf end;       /* of the present run, if something is violated */
  int32_t code;
  /* The only copies of the texts of the present run, by their hashes. */
  char **texts;
  size_t textSlots, numTexts;
  struct ThreadState *previous, *next;
} ThreadState;

static pthread_key_t stateKey;
static pthread_once_t stateOnce = PTHREAD_ONCE_INIT;
static pthread_mutex_t statesMutex = PTHREAD_MUTEX_INITIALIZER;
static ThreadState *states;
static int hasKey;

static void releaseTexts(ThreadState *state);

static void freeBlocks(ThreadState *state) {
  releaseTexts(state);
  for (int i = 0; i < cachedBlocks; ++i)
    if (state->cached[i])
      free((char *)state->cached[i] - headerBytes);
  free(state);
}

/* At the end of a thread. */
static void freeState(void *data) {
  ThreadState *state = data;
  pthread_mutex_lock(&statesMutex);
  if (state->previous)
    state->previous->next = state->next;
  else
    states = state->next;
  if (state->next)
    state->next->previous = state->previous;
  pthread_mutex_unlock(&statesMutex);
  freeBlocks(state);
}

static void makeKey(void) {
  hasKey = !pthread_key_create(&stateKey, freeState);
}

/* Null if there is no memory, or no key: a process has a thousand of them. */
static ThreadState *getState(void) {
  pthread_once(&stateOnce, makeKey);
  if (!hasKey)
    return 0;
  ThreadState *state = pthread_getspecific(stateKey);
  if (state)
    return state;
  state = calloc(1, sizeof *state);
  if (!state)
    return 0;
  if (pthread_setspecific(stateKey, state)) {
    free(state);
    return 0;
  }
  pthread_mutex_lock(&statesMutex);
  state->next = states;
  if (states)
    states->previous = state;
  states = state;
  pthread_mutex_unlock(&statesMutex);
  return state;
}

void neuroplast_close(void);

/* A model that goes, from memory or as a library that is closed, takes the
   states of all threads with it: nobody may run it any more. */
__attribute__((destructor)) void neuroplast_close(void) {
  pthread_once(&stateOnce, makeKey);
  if (hasKey)
    pthread_key_delete(stateKey);
  hasKey = 0;
  pthread_mutex_lock(&statesMutex);
  ThreadState *state = states;
  states = 0;
  pthread_mutex_unlock(&statesMutex);
  while (state) {
    ThreadState *next = state->next;
    freeBlocks(state);
    state = next;
  }
}

/*===--- The end of a run ------------------------------------------------===*/

/* Ends the present run with a code and a message, in which each {} stands for
   the next of four numbers. */
static void __attribute__((noreturn, cold, noinline))
endRun(int32_t code, const char *message, const int64_t *numbers) {
  ThreadState *state = getState();
  size_t next = 0, length = 0;
  for (const char *at = message; *at && length + 24 < messageBytes; ++at) {
    if (at[0] != '{' || at[1] != '}' || next == 4) {
      state->message[length++] = *at;
      continue;
    }
    length += snprintf(state->message + length, 24, "%lld",
                       (long long)numbers[next++]);
    ++at;
  }
  state->message[length] = 0;
  state->code = code;
  longjmp(state->end, 1);
}

void neuroplast_violate(int32_t ofData, const char *message, int64_t first,
                        int64_t second, int64_t third, int64_t fourth)
    __attribute__((noreturn, cold, noinline));

/* What a requirement of the model that does not hold becomes. */
void neuroplast_violate(int32_t ofData, const char *message, int64_t first,
                        int64_t second, int64_t third, int64_t fourth) {
  const int64_t numbers[] = {first, second, third, fourth};
  endRun(ofData ? NEUROPLAST_BAD_VALUE : NEUROPLAST_BAD_SHAPE, message,
         numbers);
}

/*===--- Texts -----------------------------------------------------------===*/

void *_mlir_memref_to_llvm_alloc(uint64_t size);
void _mlir_memref_to_llvm_free(void *data);

/* A tensor of strings has the address of the only copy of each, so that equal
   ones are equal numbers. The copies go when the run ends. */

static void releaseTexts(ThreadState *state) {
  for (size_t i = 0; i < state->textSlots; ++i)
    free(state->texts[i]);
  free(state->texts);
  state->texts = 0;
  state->textSlots = state->numTexts = 0;
}

/* The slot of a text: the one that holds it, or an empty one. FNV-1a. */
static char **findText(char **slots, size_t count, const char *text,
                       size_t length) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < length; ++i)
    hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
  for (size_t i = hash & (count - 1);; i = (i + 1) & (count - 1))
    if (!slots[i] || (!strncmp(slots[i], text, length) && !slots[i][length]))
      return &slots[i];
}

/* The only copy of a text; null if there is no memory. */
static char *keepText(ThreadState *state, const char *text, size_t length) {
  if (2 * (state->numTexts + 1) > state->textSlots) {
    size_t more = state->textSlots ? 2 * state->textSlots : 64;
    char **slots = calloc(more, sizeof *slots);
    if (!slots)
      return 0;
    for (size_t i = 0; i < state->textSlots; ++i)
      if (state->texts[i])
        *findText(slots, more, state->texts[i], strlen(state->texts[i])) =
            state->texts[i];
    free(state->texts);
    state->texts = slots;
    state->textSlots = more;
  }
  char **slot = findText(state->texts, state->textSlots, text, length);
  if (*slot)
    return *slot;
  char *copy = malloc(length + 1);
  if (!copy)
    return 0;
  memcpy(copy, text, length);
  copy[length] = 0;
  ++state->numTexts;
  return *slot = copy;
}

/* The same for the model, whose run ends if there is no memory. */
static int64_t makeText(const char *text, size_t length) {
  char *copy = keepText(getState(), text, length);
  if (!copy) {
    const int64_t numbers[] = {(int64_t)length, 0, 0, 0};
    endRun(NEUROPLAST_OUT_OF_MEMORY,
           "the model finds no memory for a text of {} bytes", numbers);
  }
  return (int64_t)(intptr_t)copy;
}

/* Reads a code point of UTF-8; a byte that starts none stands for itself, from
   the values that no code point has. */
static uint32_t readCodePoint(const unsigned char **at) {
  const unsigned char *text = *at;
  int more = text[0] >= 0xf0   ? 3
             : text[0] >= 0xe0 ? 2
             : text[0] >= 0xc0 ? 1
                               : 0;
  uint32_t code = text[0];
  if (more)
    code &= 0x3f >> more;
  for (int i = 1; i <= more; ++i) {
    if ((text[i] & 0xc0) != 0x80) {
      *at = text + 1;
      return 0x110000u + text[0];
    }
    code = code << 6 | (text[i] & 0x3f);
  }
  *at = text + more + 1;
  return text[0] >= 0x80 && !more ? 0x110000u + text[0] : code;
}

static char *writeCodePoint(char *to, uint32_t code) {
  if (code >= 0x110000u) {
    *to++ = (char)(code - 0x110000u);
  } else if (code < 0x80) {
    *to++ = (char)code;
  } else if (code < 0x800) {
    *to++ = (char)(0xc0 | code >> 6);
    *to++ = (char)(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    *to++ = (char)(0xe0 | code >> 12);
    *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    *to++ = (char)(0x80 | (code & 0x3f));
  } else {
    *to++ = (char)(0xf0 | code >> 18);
    *to++ = (char)(0x80 | (code >> 12 & 0x3f));
    *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    *to++ = (char)(0x80 | (code & 0x3f));
  }
  return to;
}

/* A letter in lower (-1) or upper (1) case: Latin with its supplement and first
   extension, Greek and Cyrillic. */
static uint32_t changeCase(uint32_t code, int32_t change) {
  /* The first and last capital, and how far the small letters are away. */
  static const uint16_t ranges[][3] = {{'A', 'Z', 32},     {0xc0, 0xd6, 32},
                                       {0xd8, 0xde, 32},   {0x391, 0x3a1, 32},
                                       {0x3a3, 0x3ab, 32}, {0x410, 0x42f, 32},
                                       {0x400, 0x40f, 80}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; ++i) {
    uint32_t first = ranges[i][0], last = ranges[i][1], apart = ranges[i][2];
    if (change < 0 && code >= first && code <= last)
      return code + apart;
    if (change > 0 && code >= first + apart && code <= last + apart)
      return code - apart;
  }
  /* Pairs, of which the capital is even in some places and odd in others. */
  int isEven = (code >= 0x100 && code <= 0x137) ||
               (code >= 0x14a && code <= 0x177) ||
               (code >= 0x460 && code <= 0x481);
  int isOdd =
      (code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17e);
  if (isEven || isOdd) {
    uint32_t isCapital = (code & 1) == (isOdd ? 1u : 0u);
    return change < 0 ? code + isCapital : code - !isCapital;
  }
  return code;
}

/* Whether two texts are equal, in one case if asked for. */
static int areEqual(const char *a, const char *b, int isCaseSensitive) {
  if (isCaseSensitive)
    return !strcmp(a, b);
  const unsigned char *x = (const unsigned char *)a,
                      *y = (const unsigned char *)b;
  while (*x && *y)
    if (changeCase(readCodePoint(&x), -1) != changeCase(readCodePoint(&y), -1))
      return 0;
  return !*x && !*y;
}

int64_t neuroplast_empty_text(void);
int64_t neuroplast_join_texts(int64_t first, int64_t second);
int64_t neuroplast_normalize_text(int64_t text, int32_t change,
                                  int32_t isCaseSensitive, const char *stops);

int64_t neuroplast_empty_text(void) { return makeText("", 0); }

int64_t neuroplast_join_texts(int64_t first, int64_t second) {
  const char *a = (const char *)(intptr_t)first,
             *b = (const char *)(intptr_t)second;
  size_t before = strlen(a), after = strlen(b);
  char *joined = _mlir_memref_to_llvm_alloc(before + after + 1);
  memcpy(joined, a, before);
  memcpy(joined + before, b, after);
  int64_t text = makeText(joined, before + after);
  _mlir_memref_to_llvm_free(joined);
  return text;
}

/* A text in another case; 0 if it is in the list of stop words, each of which
   ends in a zero, and so does the list. */
int64_t neuroplast_normalize_text(int64_t text, int32_t change,
                                  int32_t isCaseSensitive, const char *stops) {
  const char *from = (const char *)(intptr_t)text;
  for (; *stops; stops += strlen(stops) + 1)
    if (areEqual(from, stops, isCaseSensitive))
      return 0;
  if (!change)
    return text;
  /* No letter takes more bytes in another case than two for one. */
  char *changed = _mlir_memref_to_llvm_alloc(2 * strlen(from) + 1),
       *to = changed;
  for (const unsigned char *at = (const unsigned char *)from; *at;)
    to = writeCodePoint(to, changeCase(readCodePoint(&at), change));
  int64_t result = makeText(changed, to - changed);
  _mlir_memref_to_llvm_free(changed);
  return result;
}

/*===--- Random numbers --------------------------------------------------===*/

uint64_t neuroplast_random(int32_t hasSeed, int32_t seed);

/* Where an evaluation of random numbers starts: at what the seed says, else at
   another place each time, in this process and in others. */
uint64_t neuroplast_random(int32_t hasSeed, int32_t seed) {
  static _Atomic uint64_t drawn;
  const uint64_t odd = 0x9e3779b97f4a7c15u;
  if (hasSeed)
    return ((uint64_t)(uint32_t)seed + 1) * odd;
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  uint64_t start = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  start ^= (uint64_t)(uintptr_t)&now << 20;
  start = (start ^ start >> 29) * odd;
  return start + ++drawn * (odd ^ 0xd1b54a32d192ed03u);
}

/*===--- Memory ----------------------------------------------------------===*/

/* Freed blocks of one thread are reused for requests that they fit closely:
   fresh pages cost more than most layers. */

static BlockHeader *headerOf(void *data) {
  return (BlockHeader *)((char *)data - headerBytes);
}

/* Of AddressSanitizer, in models that are compiled to be tested; else null. */
extern void __asan_poison_memory_region(const volatile void *, size_t)
    __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *, size_t)
    __attribute__((weak));

/* Lets the first bytes of a block be used, and nothing behind them. */
static void expose(BlockHeader *block, size_t bytes) {
  char *data = (char *)block + headerBytes;
  if (__asan_unpoison_memory_region)
    __asan_unpoison_memory_region(data, bytes);
  if (__asan_poison_memory_region)
    __asan_poison_memory_region(data + bytes, block->size - bytes);
}

static void hold(ThreadState *state, BlockHeader *block) {
  block->previous = 0;
  block->next = state->held;
  if (state->held)
    state->held->previous = block;
  state->held = block;
}

static void letGo(ThreadState *state, BlockHeader *block) {
  if (block->previous)
    block->previous->next = block->next;
  else
    state->held = block->next;
  if (block->next)
    block->next->previous = block->previous;
}

void *_mlir_memref_to_llvm_alloc(uint64_t size);
void _mlir_memref_to_llvm_free(void *data);
void *_mlir_memref_to_llvm_aligned_alloc(uint64_t alignment, uint64_t size);

void *_mlir_memref_to_llvm_alloc(uint64_t size) {
  ThreadState *state = getState();
  void **cached = state->cached;
  int best = -1;
  for (int i = 0; i < cachedBlocks; ++i) {
    if (!cached[i])
      continue;
    size_t available = headerOf(cached[i])->size;
    if (available >= size && available / 2 <= size &&
        (best < 0 || available < headerOf(cached[best])->size))
      best = i;
  }
  if (best >= 0) {
    void *data = cached[best];
    cached[best] = 0;
    hold(state, headerOf(data));
    expose(headerOf(data), size);
    return data;
  }
  size_t rounded = (size + 63) / 64 * 64;
  char *block = aligned_alloc(64, rounded + headerBytes);
  if (!block) {
    const int64_t numbers[] = {(int64_t)size, 0, 0, 0};
    endRun(NEUROPLAST_OUT_OF_MEMORY, "the model finds no memory for {} bytes",
           numbers);
  }
  ((BlockHeader *)block)->size = rounded;
  hold(state, (BlockHeader *)block);
  expose((BlockHeader *)block, size);
  return block + headerBytes;
}

void *_mlir_memref_to_llvm_aligned_alloc(uint64_t alignment, uint64_t size) {
  (void)alignment; /* never above that of the blocks */
  return _mlir_memref_to_llvm_alloc(size);
}

void _mlir_memref_to_llvm_free(void *data) {
  if (!data)
    return;
  ThreadState *state = getState();
  letGo(state, headerOf(data));
  expose(headerOf(data), 0);
  void **cached = state->cached;
  int slot = -1;
  for (int i = 0; i < cachedBlocks; ++i) {
    if (!cached[i]) {
      slot = i;
      break;
    }
    if (slot < 0 || headerOf(cached[i])->size < headerOf(cached[slot])->size)
      slot = i;
  }
  /* When all slots are taken the smallest block makes room. */
  if (cached[slot])
    free((char *)cached[slot] - headerBytes);
  cached[slot] = data;
}

/* Calls a function of the model; returns the code with which it ended. */
static int32_t __attribute__((noinline)) callModel(void (*function)(void **),
                                                   void **arguments) {
  ThreadState *state = getState();
  if (setjmp(state->end)) {
    /* What the run held, it holds no more. */
    state = getState();
    while (state->held)
      _mlir_memref_to_llvm_free((char *)state->held + headerBytes);
    return state->code;
  }
  function(arguments);
  return NEUROPLAST_OK;
}

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

/*===--- The interface ---------------------------------------------------===*/

const NeuroplastModelInfo *neuroplast_info(void) {
  return &neuroplast_model_info;
}

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

/* Texts behind pointers to them. */
static void takeTexts(char *const *texts, int64_t count, char **target) {
  char *to = (char *)(target + count);
  for (int64_t i = 0; i < count; ++i) {
    size_t length = strlen(texts[i]) + 1;
    target[i] = memcpy(to, texts[i], length);
    to += length;
  }
}

static int32_t takeOutput(const NeuroplastTensorInfo *info, int64_t *words,
                          NeuroplastTensor *output) {
  MemRef *result = (MemRef *)words;
  output->dtype = info->dtype;
  output->rank = info->rank;
  int64_t count = 1;
  for (int32_t axis = 0; axis < info->rank; ++axis) {
    output->shape[axis] = result->sizesAndStrides[axis];
    count *= output->shape[axis];
  }
  int64_t bytes = info->element_bytes * count;
  char *const *texts = info->dtype == NEUROPLAST_STRING
                           ? (char *const *)result->aligned + result->offset
                           : 0;
  for (int64_t i = 0; texts && i < count; ++i)
    bytes += (int64_t)strlen(texts[i]) + 1;
  if (output->data && output->capacity < bytes)
    return fail(NEUROPLAST_TOO_SMALL, "does not fit its buffer", info->name);
  if (!output->data) {
    output->data = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!output->data)
      return fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", info->name);
    output->capacity = bytes;
  }
  if (texts) {
    takeTexts(texts, count, output->data);
    return NEUROPLAST_OK;
  }
  memcpy(output->data, result->aligned + result->offset * info->element_bytes,
         bytes);
  return NEUROPLAST_OK;
}

/* Words of the descriptor of a tensor: three, a size and a stride per axis. */
static int32_t getDescriptorWords(const NeuroplastTensorInfo *info) {
  return 3 + 2 * info->rank;
}

/* A tensor that the model gives as several outputs lies in one buffer. */
static void freeResults(const NeuroplastModelInfo *model, int64_t *words) {
  int64_t *result = words;
  for (int32_t i = 0; i < model->num_outputs; ++i) {
    char *block = ((MemRef *)result)->allocated;
    int64_t *earlier = words;
    int32_t j = 0;
    for (; j < i && ((MemRef *)earlier)->allocated != block; ++j)
      earlier += getDescriptorWords(&model->outputs[j]);
    if (j == i)
      _mlir_memref_to_llvm_free(block);
    result += getDescriptorWords(&model->outputs[i]);
  }
}

/* What is wrong with the inputs of a call, if something is. */
static int32_t checkInputs(const NeuroplastTensor *inputs,
                           const NeuroplastTensor *outputs, int needsData) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  ThreadState *state = getState();
  if (!state)
    return NEUROPLAST_OUT_OF_MEMORY;
  state->message[0] = 0;
  if ((!inputs && model->num_inputs) || (!outputs && model->num_outputs))
    return fail(NEUROPLAST_BAD_ARGUMENT, "has no tensors", "run");
  for (int32_t i = 0; i < model->num_inputs; ++i) {
    int32_t code = checkInput(&model->inputs[i], &inputs[i], needsData);
    if (code)
      return code;
  }
  return checkNamedSizes(model, inputs);
}

/* The elements of an input of strings; 0 for others. */
static int64_t countTexts(const NeuroplastTensor *input) {
  int64_t count = input->dtype == NEUROPLAST_STRING && input->data;
  for (int32_t axis = 0; axis < input->rank; ++axis)
    count *= input->shape[axis];
  return count;
}

/* Pointers for a call, and what they point to: as many words as asked for, for
   results, then the descriptors of the inputs and the texts of those that have
   some. Null if there is no memory; else one block for the caller to free. */
static void **packArguments(const NeuroplastTensor *inputs,
                            int64_t resultWords) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  size_t pointers = model->num_inputs + 1;
  size_t words = resultWords;
  for (int32_t i = 0; i < model->num_inputs; ++i)
    words += getDescriptorWords(&model->inputs[i]) + countTexts(&inputs[i]);
  void **arguments =
      calloc(1, pointers * sizeof(void *) + words * sizeof(int64_t));
  if (!arguments) {
    fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", "run");
    return 0;
  }
  int64_t *next = (int64_t *)(arguments + pointers);
  arguments[0] = next;
  next += resultWords;
  for (int32_t i = 0; i < model->num_inputs; ++i) {
    int32_t rank = model->inputs[i].rank;
    MemRef *descriptor = (MemRef *)next;
    descriptor->allocated = descriptor->aligned = inputs[i].data;
    descriptor->offset = 0;
    int64_t stride = 1;
    for (int32_t axis = rank - 1; axis >= 0; --axis) {
      descriptor->sizesAndStrides[axis] = inputs[i].shape[axis];
      descriptor->sizesAndStrides[rank + axis] = stride;
      stride *= inputs[i].shape[axis];
    }
    arguments[i + 1] = next;
    next += getDescriptorWords(&model->inputs[i]);
    int64_t texts = countTexts(&inputs[i]);
    if (texts)
      descriptor->allocated = descriptor->aligned = (char *)next;
    for (int64_t j = 0; j < texts; ++j) {
      const char *text = ((const char *const *)inputs[i].data)[j];
      text = keepText(getState(), text, strlen(text));
      if (!text) {
        free(arguments);
        fail(NEUROPLAST_OUT_OF_MEMORY, "finds no memory", "run");
        return 0;
      }
      *next++ = (int64_t)(intptr_t)text;
    }
  }
  return arguments;
}

int32_t neuroplast_run(const NeuroplastTensor *inputs,
                       NeuroplastTensor *outputs) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  int32_t code = checkInputs(inputs, outputs, 1);
  if (code)
    return code;
  /* The results' descriptors follow each other without gaps. */
  int64_t words = 0;
  for (int32_t i = 0; i < model->num_outputs; ++i)
    words += getDescriptorWords(&model->outputs[i]);
  void **arguments = packArguments(inputs, words);
  if (!arguments) {
    releaseTexts(getState());
    return NEUROPLAST_OUT_OF_MEMORY;
  }
  code = callModel(neuroplast_invoke, arguments);
  if (code) {
    releaseTexts(getState());
    free(arguments);
    return code;
  }
  int64_t *result = arguments[0];
  for (int32_t i = 0; i < model->num_outputs && !code; ++i) {
    code = takeOutput(&model->outputs[i], result, &outputs[i]);
    result += getDescriptorWords(&model->outputs[i]);
  }
  freeResults(model, arguments[0]);
  releaseTexts(getState());
  free(arguments);
  return code;
}

int32_t neuroplast_output_sizes(const NeuroplastTensor *inputs,
                                NeuroplastTensor *outputs) {
  const NeuroplastModelInfo *model = &neuroplast_model_info;
  int32_t code = checkInputs(inputs, outputs, model->sizes_need_data);
  if (code)
    return code;
  int64_t words = 2; /* the least that the struct has */
  for (int32_t i = 0; i < model->num_outputs; ++i)
    words += model->outputs[i].rank;
  void **arguments = packArguments(inputs, words);
  if (!arguments) {
    releaseTexts(getState());
    return NEUROPLAST_OUT_OF_MEMORY;
  }
  code = callModel(neuroplast_invoke_sizes, arguments);
  releaseTexts(getState());
  if (code) {
    free(arguments);
    return code;
  }
  const int64_t *size = arguments[0];
  for (int32_t i = 0; i < model->num_outputs; ++i) {
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
  free(arguments);
  return NEUROPLAST_OK;
}
