//===- Library.cpp - Link a compiled model to a shared library ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interface.h"
#include "ParamsObject.h"
#include "TargetMachine.h"

#include "neuroplast/Codegen/DerivedParams.h"

#include "lld/Common/Driver.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <dlfcn.h>
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace neuroplast;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {

/// A file that is deleted with its owner.
struct TemporaryFile {
  llvm::SmallString<128> path;
  ~TemporaryFile() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }
  llvm::Error create(llvm::StringRef beside, llvm::StringRef suffix,
                     llvm::function_ref<void(llvm::raw_ostream &)> write) {
    int descriptor = 0;
    std::error_code code = llvm::sys::fs::createUniqueFile(
        beside + ".%%%%%%." + suffix, descriptor, path);
    if (code) {
      path.clear();
      return makeError("cannot write beside '" + beside +
                       "': " + code.message());
    }
    llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    write(stream);
    stream.flush();
    if (stream.has_error()) {
      std::error_code error = stream.error();
      stream.clear_error();
      return makeError("cannot write '" + path + "': " + error.message());
    }
    return llvm::Error::success();
  }
};

} // namespace

/// The model's object files as one.
static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
archiveObjects(const CompiledModel &model) {
  std::vector<llvm::NewArchiveMember> members;
  for (const std::unique_ptr<llvm::MemoryBuffer> &object : model.objects)
    members.emplace_back(llvm::MemoryBufferRef(object->getBuffer(), "code.o"));
  return llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab,
      llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
}

/// The file of a library that models need; empty if there is none.
static std::string findSystemLibrary(llvm::StringRef name) {
  llvm::SmallVector<std::string> folders{"/lib/x86_64-linux-gnu",
                                         "/usr/lib/x86_64-linux-gnu",
                                         "/lib64",
                                         "/usr/lib64",
                                         "/lib/aarch64-linux-gnu",
                                         "/usr/lib"};
  // A package that brings LLVM along has the others beside it.
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&llvm::writeArchiveToBuffer), &info) &&
      info.dli_fname)
    folders.push_back(llvm::sys::path::parent_path(info.dli_fname).str());
  for (const std::string &folder : folders)
    if (std::string file = folder + "/" + name.str();
        llvm::sys::fs::exists(file))
      return file;
  return "";
}

llvm::Error neuroplast::writeLibrary(CompiledModel model,
                                     llvm::StringRef path) {
  TemporaryFile objects, params, library;
  auto archive = archiveObjects(model);
  if (!archive)
    return archive.takeError();
  if (llvm::Error error = objects.create(path, "a", [&](llvm::raw_ostream &os) {
        os << (*archive)->getBuffer();
      }))
    return error;
  if (llvm::Error error = params.create(path, "o", [&](llvm::raw_ostream &os) {
        writeParamsObject(os, model.params, getTriple());
      }))
    return error;
  // Linking reads them from there.
  model.params.clear();
  for (const auto &module : model.modules)
    releaseDerivedParams(*module);
  if (llvm::Error error =
          library.create(path, "so", [](llvm::raw_ostream &) {}))
    return error;

  std::string output = library.path.str().str();
  std::string soname = llvm::sys::path::filename(path).str();
  std::vector<const char *> arguments{
      "ld.lld", "-shared", "-o", output.c_str(), "-soname", soname.c_str(),
      "--no-undefined-version", "--gc-sections", "-z", "relro",
      // The kernel fills every page of a mapped
      // file with zeros before it is written.
      "--no-mmap-output-file", params.path.c_str(), "--whole-archive",
      objects.path.c_str(), "--no-whole-archive"};
  // The only libraries that a model needs; named, so that a program that uses
  // none of them still gets them.
  std::vector<std::string> needed;
  std::vector<const char *> names{"libm.so.6", "libc.so.6"};
  if (model.needsOpenMP)
    names.push_back(openMPLibrary);
  for (const char *name : names) {
    needed.push_back(findSystemLibrary(name));
    if (needed.back().empty())
      return makeError(llvm::Twine("there is no library '") + name +
                       "', which the model needs, on this system");
  }
  for (const std::string &file : needed)
    arguments.push_back(file.c_str());
  // The second names of the interface.
  std::vector<std::string> aliases;
  if (!model.prefix.empty())
    for (llvm::StringRef function : interfaceNames)
      aliases.push_back(("--defsym=" + model.prefix + "_" + function +
                         "=neuroplast_" + function)
                            .str());
  for (const std::string &alias : aliases)
    arguments.push_back(alias.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  static std::mutex linkerIsNotReentrant;
  std::lock_guard<std::mutex> lock(linkerIsNotReentrant);
  lld::Result result =
      lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return makeError("linking failed: " + messages);
  if (std::error_code code = llvm::sys::fs::setPermissions(
          output, llvm::sys::fs::all_read | llvm::sys::fs::owner_write |
                      llvm::sys::fs::all_exe))
    return makeError("cannot set permissions: " + code.message());
  if (std::error_code code = llvm::sys::fs::rename(output, path))
    return makeError("cannot write '" + path + "': " + code.message());
  library.path.clear();
  return llvm::Error::success();
}
