//===- LearnerTest.cpp - A network that lives in memory -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/Learner.h"

#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "neuroplast/Structure/Cuts/Prune.h"
#include "neuroplast/Structure/Cuts/Rewire.h"
#include "neuroplast/Structure/Cuts/Sparsify.h"
#include "neuroplast/Structure/Growth/Dropin.h"
#include "gtest/gtest.h"

#include <random>

using namespace neuroplast;
using namespace neuroplast::learning;

namespace {

/// Examples of the class that the largest of their first three numbers has.
NamedTensors makeExamples(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  NamedTensors examples;
  HostTensor &x = examples["x"];
  x.dtype = NEUROPLAST_FLOAT32;
  x.shape = {count, 6};
  x.bytes.resize(count * 6 * sizeof(float));
  auto *numbers = reinterpret_cast<float *>(x.bytes.data());
  std::normal_distribution<float> normal;
  std::generate_n(numbers, count * 6, [&] { return normal(random); });
  HostTensor &labels = examples["labels"];
  labels.dtype = NEUROPLAST_INT64;
  labels.shape = {count};
  labels.bytes.resize(count * sizeof(int64_t));
  for (int64_t i = 0; i < count; ++i)
    reinterpret_cast<int64_t *>(labels.bytes.data())[i] =
        std::max_element(numbers + i * 6, numbers + i * 6 + 3) -
        (numbers + i * 6);
  return examples;
}

class LearnerTest : public testing::Test {
protected:
  LearnerTest()
      : context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED) {
    options.step.optimizer.kind = training::Optimizer::Kind::Adam;
    options.schedule.rate = 0.02;
    options.growable = {"first"};
    options.watch = [this](mlir::MLIRContext &other) { silence(other); };
    silence(context);
  }

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerCompilerDialects(registry);
    return registry;
  }

  void silence(mlir::MLIRContext &of) {
    of.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
    });
  }

  /// A perceptron with random weights.
  mlir::OwningOpRef<mlir::ModuleOp> read() {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 0.5f);
    std::string text = "<ir_version: 10, opset_import: [\"\" : 21]>\n"
                       "perceptron (float[N, 6] x) => (float[N, 3] y)\n<";
    llvm::raw_string_ostream os(text);
    auto declare = [&](llvm::StringRef shape, llvm::StringRef name,
                       int64_t count) {
      os << "float[" << shape << "] " << name << " = {" << normal(random);
      for (int64_t i = 1; i < count; ++i)
        os << ", " << normal(random);
      os << '}';
    };
    declare("6, 8", "first", 48);
    os << ", ";
    declare("8", "offset", 8);
    os << ", ";
    declare("8, 3", "second", 24);
    os << ">\n{ a = MatMul(x, first) b = Add(a, offset) h = Relu(b)\n"
          "y = MatMul(h, second) }\n";
    auto module = importOnnx(llvm::MemoryBuffer::getMemBufferCopy(text),
                             "net.onnxtext", ImportOptions(), &context);
    EXPECT_TRUE(module) << messages;
    return module;
  }

  static void learn(Learner &learner, int64_t steps, unsigned seed,
                    double *loss = nullptr) {
    for (int64_t i = 0; i < steps; ++i) {
      auto score = learner.learn(makeExamples(16, seed + i));
      ASSERT_TRUE(static_cast<bool>(score)) << toText(score.takeError());
      if (loss)
        *loss = score->loss;
    }
  }

  static std::string toText(llvm::Error error) {
    return llvm::toString(std::move(error));
  }

  /// What it says to the same inputs each time.
  static HostTensor ask(Learner &learner, int64_t count = 5) {
    NamedTensors inputs = makeExamples(count, 99);
    inputs.erase("labels");
    auto said = learner.act(inputs);
    EXPECT_TRUE(static_cast<bool>(said)) << toText(said.takeError());
    return said ? said->at("y") : HostTensor();
  }

  static llvm::LogicalResult grow(mlir::ModuleOp module, int64_t units) {
    structure::DropinOptions dropin;
    dropin.units = units;
    return structure::dropin(module, dropin);
  }

  static llvm::LogicalResult cut(mlir::ModuleOp module) {
    structure::PruneOptions prune;
    prune.allocation.ratio = 0.5;
    return structure::prune(module, prune);
  }

  mlir::MLIRContext context;
  std::string messages;
  Learner::Options options;
};

TEST_F(LearnerTest, LearnsAndAnswersByWhatItLearned) {
  Learner learner(read(), options);
  HostTensor before = ask(learner);
  double first, last;
  learn(learner, 1, 0, &first);
  learn(learner, 200, 1, &last);
  EXPECT_LT(last, first / 2);
  EXPECT_NE(ask(learner).bytes, before.bytes);
  EXPECT_EQ(learner.getNumSteps(), 201);
}

TEST_F(LearnerTest, GrowsAndShrinksWithinWhatIsCompiled) {
  Learner learner(read(), options);
  learn(learner, 3, 0);
  HostTensor before = ask(learner);
  int64_t compiled = getNumCompiledTasks();
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(static_cast<bool>(learner.edit(
        [&](mlir::ModuleOp module) { return grow(module, 2 + i); })));
    // Newborns say nothing yet.
    EXPECT_EQ(ask(learner).bytes, before.bytes);
    learn(learner, 3, 10 * i);
    ASSERT_FALSE(static_cast<bool>(learner.edit(cut)));
    learn(learner, 3, 20 * i);
    before = ask(learner);
  }
  EXPECT_EQ(getNumCompiledTasks(), compiled);
  EXPECT_EQ(learner.getNumSteps(), 21);
}

TEST_F(LearnerTest, GoesOnAsItsNetworkWouldAnew) {
  Learner learner(read(), options);
  learn(learner, 4, 0);
  ASSERT_FALSE(static_cast<bool>(
      learner.edit([](mlir::ModuleOp module) { return grow(module, 5); })));
  Learner anew(learner.getNetwork().clone(), options);
  learn(learner, 4, 50);
  learn(anew, 4, 50);
  EXPECT_EQ(ask(learner).bytes, ask(anew).bytes);
  EXPECT_EQ(anew.getNumSteps(), 8);
}

TEST_F(LearnerTest, CompilesAnewWhatIsNotGrowable) {
  options.growable = {};
  Learner learner(read(), options);
  learn(learner, 2, 0);
  HostTensor before = ask(learner);
  int64_t compiled = getNumCompiledTasks();
  ASSERT_FALSE(static_cast<bool>(
      learner.edit([](mlir::ModuleOp module) { return grow(module, 3); })));
  EXPECT_EQ(getNumCompiledTasks(), compiled + 1);
  EXPECT_EQ(ask(learner).bytes.size(), before.bytes.size());
  learn(learner, 2, 5);
}

/// Whether all weights are zero that are masked, and how many are.
std::pair<bool, int64_t> countMasked(mlir::ModuleOp module) {
  int64_t masked = 0;
  bool areZero = true;
  for (const auto &entry : neuro::listMasks(module)) {
    auto mask = TensorElements::read(neuro::ParamOp(entry.second).getValue());
    auto weight = TensorElements::read(
        module.lookupSymbol<neuro::ParamOp>(entry.getKey()).getValue());
    for (int64_t i = 0; i < mask->getType().getNumElements(); ++i) {
      if (mask->getNumber(i) != 0)
        continue;
      ++masked;
      areZero &= weight->getNumber(i) == 0;
    }
  }
  return {areZero, masked};
}

TEST_F(LearnerTest, LearnsUnderTheMasksThatThereAreNow) {
  for (bool isGrowable : {false, true}) {
    options.growable.clear();
    if (isGrowable)
      options.growable.emplace_back("first");
    Learner learner(read(), options);
    learn(learner, 3, 0);
    ASSERT_FALSE(static_cast<bool>(learner.edit([](mlir::ModuleOp module) {
      structure::SparsifyOptions sparsify;
      return llvm::LogicalResult(structure::sparsify(module, sparsify));
    })));
    for (unsigned round = 0; round < 3; ++round) {
      learn(learner, 3, 10 * round);
      auto [areZero, masked] = countMasked(learner.getNetwork());
      EXPECT_TRUE(areZero);
      EXPECT_GT(masked, 20);
      ASSERT_FALSE(static_cast<bool>(learner.edit([&](mlir::ModuleOp module) {
        structure::RewireOptions rewire;
        rewire.seed = round;
        return llvm::LogicalResult(structure::rewire(module, rewire));
      })));
    }
  }
}

TEST_F(LearnerTest, TakesBatchesOfAnySize) {
  Learner learner(read(), options);
  for (int64_t count : {4, 16, 4, 7}) {
    auto score = learner.learn(makeExamples(count, count));
    ASSERT_TRUE(static_cast<bool>(score)) << toText(score.takeError());
  }
  EXPECT_EQ(learner.getNumSteps(), 4);
  EXPECT_EQ(ask(learner, 1).shape, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(ask(learner, 9).shape, (std::vector<int64_t>{9, 3}));
}

TEST_F(LearnerTest, StaysAsItWasWhenAnEditFails) {
  Learner learner(read(), options);
  learn(learner, 2, 0);
  HostTensor before = ask(learner);
  llvm::Error error = learner.edit([](mlir::ModuleOp module) {
    structure::DropinOptions dropin;
    dropin.selection.only = {"nothing_like_that"};
    return llvm::LogicalResult(structure::dropin(module, dropin));
  });
  EXPECT_TRUE(error.isA<ReportedError>());
  llvm::consumeError(std::move(error));
  EXPECT_NE(messages.find("nothing_like_that"), std::string::npos);
  EXPECT_EQ(ask(learner).bytes, before.bytes);
  learn(learner, 2, 5);
}

TEST_F(LearnerTest, SaysWhatIsWrongWithABatch) {
  Learner learner(read(), options);
  learn(learner, 1, 0);
  NamedTensors batch = makeExamples(16, 0);
  reinterpret_cast<int64_t *>(batch["labels"].bytes.data())[3] = 5;
  auto score = learner.learn(batch);
  ASSERT_FALSE(static_cast<bool>(score));
  EXPECT_NE(toText(score.takeError()).find("5"), std::string::npos);
  learn(learner, 2, 3);
  HostTensor before = ask(learner);
  batch = makeExamples(16, 0);
  batch["x"].shape = {8, 12};
  score = learner.learn(batch);
  ASSERT_FALSE(static_cast<bool>(score));
  llvm::consumeError(score.takeError());
  EXPECT_EQ(ask(learner).bytes, before.bytes);
  learn(learner, 2, 5);
}

} // namespace
