//===- ParamsObject.cpp - Parameters as an object file --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ParamsObject.h"

#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MathExtras.h"

#include <bit>
#include <cstring>

using namespace neuroplast;
using namespace llvm::ELF;

static_assert(std::endian::native == std::endian::little,
              "headers are written as they lie in memory");

static constexpr uint64_t kAlignment = 64;

template <typename T>
static void writeRaw(llvm::raw_ostream &os, const T &value) {
  os.write(reinterpret_cast<const char *>(&value), sizeof value);
}

/// Adds a text to a table of texts that end in a zero; returns its place.
static uint32_t addText(std::string &table, llvm::StringRef text) {
  uint32_t place = table.size();
  table += text;
  table += '\0';
  return place;
}

static Elf64_Shdr makeSection(uint32_t name, uint32_t type, uint64_t offset,
                              uint64_t size, uint64_t alignment) {
  Elf64_Shdr section = {};
  section.sh_name = name;
  section.sh_type = type;
  section.sh_offset = offset;
  section.sh_size = size;
  section.sh_addralign = alignment;
  return section;
}

void neuroplast::writeParamsObject(llvm::raw_ostream &os,
                                   llvm::ArrayRef<ParamData> params,
                                   const llvm::Triple &triple) {
  enum : uint16_t { Null, Data, Symbols, Texts, Names, NumSections };
  std::string texts(1, '\0'), names(1, '\0');
  std::vector<Elf64_Sym> symbols(1); // the first one is none
  uint64_t size = 0;
  for (const ParamData &param : params) {
    Elf64_Sym symbol = {};
    symbol.st_name = addText(texts, param.symbol);
    symbol.setBindingAndType(STB_GLOBAL, STT_OBJECT);
    symbol.st_other = STV_HIDDEN;
    symbol.st_shndx = Data;
    symbol.st_value = size;
    symbol.st_size = param.bytes.size();
    symbols.push_back(symbol);
    size += llvm::alignTo(param.bytes.size(), kAlignment);
  }
  // The parts of the file follow each other: the header, the data, the tables.
  uint64_t at = llvm::alignTo(sizeof(Elf64_Ehdr), kAlignment);
  std::vector<Elf64_Shdr> sections(NumSections);
  auto place = [&](uint16_t index, llvm::StringRef name, uint32_t type,
                   uint64_t bytes, uint64_t alignment) {
    sections[index] =
        makeSection(addText(names, name), type, at, bytes, alignment);
    at += bytes;
  };
  place(Data, ".neuroplast.params", SHT_PROGBITS, size, kAlignment);
  sections[Data].sh_flags = SHF_ALLOC;
  place(Symbols, ".symtab", SHT_SYMTAB, symbols.size() * sizeof(Elf64_Sym), 8);
  sections[Symbols].sh_link = Texts;
  sections[Symbols].sh_info = 1; // the first that is not local
  sections[Symbols].sh_entsize = sizeof(Elf64_Sym);
  place(Texts, ".strtab", SHT_STRTAB, texts.size(), 1);
  uint32_t shstrtab = addText(names, ".shstrtab");
  sections[Names] = makeSection(shstrtab, SHT_STRTAB, at, names.size(), 1);
  at += names.size();

  Elf64_Ehdr header = {};
  memcpy(header.e_ident, ElfMagic, 4);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = triple.isAArch64() ? EM_AARCH64 : EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_shoff = llvm::alignTo(at, 8);
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = NumSections;
  header.e_shstrndx = Names;
  writeRaw(os, header);
  os.write_zeros(sections[Data].sh_offset - sizeof header);
  for (const ParamData &param : params) {
    os.write(param.bytes.data(), param.bytes.size());
    os.write_zeros(llvm::alignTo(param.bytes.size(), kAlignment) -
                   param.bytes.size());
    releasePages(param.bytes);
  }
  for (const Elf64_Sym &symbol : symbols)
    writeRaw(os, symbol);
  os << texts << names;
  os.write_zeros(header.e_shoff - at);
  for (const Elf64_Shdr &section : sections)
    writeRaw(os, section);
}
