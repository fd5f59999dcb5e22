//===- text.h - Letters of UTF-8 and their cases ----------------*- C -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_SUPPORT_TEXT_H
#define NEUROPLAST_LIB_RUNTIME_SUPPORT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

#endif /* NEUROPLAST_LIB_RUNTIME_SUPPORT_TEXT_H */
