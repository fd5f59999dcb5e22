//===- Serve.cpp - neuroplast serve ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// To load the compiler takes as long as many a command. A process that has
// loaded it, and knows the operators of ONNX, splits for each command, so that
// none sees what another one did.

#include "Commands.h"

#include "neuroplast/Frontend/ONNX/Import.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

using namespace neuroplast::driver;
namespace json = llvm::json;

namespace {

/// A command as a line of JSON asks for it.
struct Request {
  std::vector<std::string> arguments;
  std::string directory, output, errors;
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;

  static std::optional<Request> parse(llvm::StringRef line,
                                      std::string &reason);
};

} // namespace

std::optional<Request> Request::parse(llvm::StringRef line,
                                      std::string &reason) {
  auto parsed = json::parse(line);
  if (!parsed) {
    reason = llvm::toString(parsed.takeError());
    return std::nullopt;
  }
  Request request;
  const json::Object *object = parsed->getAsObject();
  json::Path::Root root("request");
  json::ObjectMapper map(*parsed, root);
  if (!map || !map.map("arguments", request.arguments) ||
      !map.mapOptional("directory", request.directory) ||
      !map.mapOptional("stdout", request.output) ||
      !map.mapOptional("stderr", request.errors)) {
    reason = llvm::toString(root.getError());
    return std::nullopt;
  }
  if (const json::Object *changes = object->getObject("environment"))
    for (const auto &[name, value] : *changes) {
      auto text = value.getAsString();
      request.environment.emplace_back(
          name.str(), text ? std::optional(text->str()) : std::nullopt);
    }
  return request;
}

/// Lets a stream lead to a file; false after a message.
static bool redirect(int stream, const std::string &path) {
  if (path.empty())
    return true;
  int flags = stream == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
  int file = open(path.c_str(), flags, 0666);
  if (file < 0 || dup2(file, stream) < 0)
    return reportError("cannot open '" + path + "'"), false;
  close(file);
  return true;
}

/// What the process that was split off does.
[[noreturn]] static void runAlone(const Request &request) {
  bool isReady = redirect(STDIN_FILENO, "/dev/null") &&
                 redirect(STDERR_FILENO, request.errors) &&
                 redirect(STDOUT_FILENO, request.output);
  if (isReady && !request.directory.empty() &&
      chdir(request.directory.c_str()) != 0) {
    reportError("there is no folder '" + request.directory + "'");
    isReady = false;
  }
  for (const auto &[name, value] : request.environment)
    if (value)
      setenv(name.c_str(), value->c_str(), 1);
    else
      unsetenv(name.c_str());
  std::vector<const char *> arguments;
  for (const std::string &argument : request.arguments)
    arguments.push_back(argument.c_str());
  int code = isReady ? runCommand(arguments) : 1;
  endProcess(code);
}

static void reply(json::Object answer) {
  llvm::outs() << json::Value(std::move(answer)) << '\n';
  llvm::outs().flush();
}

static int runServe(const Arguments &) {
  neuroplast::loadOnnxOperators();
  std::string line, reason;
  while (std::getline(std::cin, line)) {
    std::optional<Request> request = Request::parse(line, reason);
    if (!request) {
      reply(json::Object{{"error", reason}});
      continue;
    }
    pid_t child = fork();
    if (child < 0)
      return reportError("cannot start another process");
    if (child == 0)
      runAlone(*request);
    reply(json::Object{{"pid", child}});
    int status = 0;
    if (waitpid(child, &status, 0) < 0)
      return reportError("lost the process of a command");
    if (WIFSIGNALED(status))
      reply(json::Object{{"signal", WTERMSIG(status)}});
    else
      reply(json::Object{{"code", WEXITSTATUS(status)}});
  }
  return 0;
}

Command neuroplast::driver::getServeCommand() {
  return {{"serve",
           "run the commands that another program sends, one after the other: "
           "a line of JSON on standard input with 'arguments', and if need be "
           "'directory', 'environment', and files for 'stdout' and 'stderr'; "
           "answers with the process, and then with its exit code or signal",
           {},
           {}},
          runServe};
}
