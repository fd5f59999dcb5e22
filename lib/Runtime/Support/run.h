//===- run.h - What a run of a compiled model holds -------------*- C -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

/* A part of support.c: the states of threads, how runs end, the texts and the
   random numbers of a run, and an allocator that keeps large blocks for the
   next one. */

#ifndef NEUROPLAST_LIB_RUNTIME_SUPPORT_RUN_H
#define NEUROPLAST_LIB_RUNTIME_SUPPORT_RUN_H

#include "neuroplast/Runtime/Abi.h"
#include "text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* Calls a function of the model; returns the code with which it ended. If it
   needs a workspace that it is not given, it has one until it ends. */
static int32_t __attribute__((noinline)) callModel(void (*function)(void **),
                                                   void **arguments,
                                                   void **workspace,
                                                   int64_t workspaceBytes) {
  ThreadState *state = getState();
  int isOwn = workspace && !*workspace;
  if (setjmp(state->end)) {
    /* What the run held, it holds no more. */
    state = getState();
    while (state->held)
      _mlir_memref_to_llvm_free((char *)state->held + headerBytes);
    return state->code;
  }
  if (isOwn)
    *workspace = _mlir_memref_to_llvm_alloc(workspaceBytes);
  function(arguments);
  if (isOwn)
    _mlir_memref_to_llvm_free(*workspace);
  return NEUROPLAST_OK;
}

#endif /* NEUROPLAST_LIB_RUNTIME_SUPPORT_RUN_H */
