//===- Bindings.cpp - The native part of the Python package ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Session.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace neuroplast::python;

/// Arrays as code reads them: row by row, and never written. Others are copied.
using Input = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<nb::numpy>;

struct TypePair {
  int32_t number; ///< as in the C interface
  nb::dlpack::dtype type;
};

static constexpr auto kInt = static_cast<uint8_t>(nb::dlpack::dtype_code::Int),
                      kUInt =
                          static_cast<uint8_t>(nb::dlpack::dtype_code::UInt),
                      kFloat =
                          static_cast<uint8_t>(nb::dlpack::dtype_code::Float),
                      kBfloat =
                          static_cast<uint8_t>(nb::dlpack::dtype_code::Bfloat),
                      kBool =
                          static_cast<uint8_t>(nb::dlpack::dtype_code::Bool);

static constexpr TypePair kTypes[] = {{NEUROPLAST_FLOAT32, {kFloat, 32, 1}},
                                      {NEUROPLAST_FLOAT64, {kFloat, 64, 1}},
                                      {NEUROPLAST_FLOAT16, {kFloat, 16, 1}},
                                      {NEUROPLAST_BFLOAT16, {kBfloat, 16, 1}},
                                      {NEUROPLAST_BOOL, {kBool, 8, 1}},
                                      {NEUROPLAST_INT8, {kInt, 8, 1}},
                                      {NEUROPLAST_INT16, {kInt, 16, 1}},
                                      {NEUROPLAST_INT32, {kInt, 32, 1}},
                                      {NEUROPLAST_INT64, {kInt, 64, 1}},
                                      {NEUROPLAST_UINT8, {kUInt, 8, 1}},
                                      {NEUROPLAST_UINT16, {kUInt, 16, 1}},
                                      {NEUROPLAST_UINT32, {kUInt, 32, 1}},
                                      {NEUROPLAST_UINT64, {kUInt, 64, 1}}};

static NeuroplastTensor view(const Input &array, const std::string &name) {
  NeuroplastTensor tensor = {};
  for (const TypePair &pair : kTypes)
    if (pair.type == array.dtype())
      tensor.dtype = pair.number;
  if (!tensor.dtype)
    throw Failure("'" + name + "' has an element type that is not supported");
  if (array.ndim() > NEUROPLAST_MAX_RANK)
    throw Failure("'" + name + "' has too many axes");
  tensor.data = const_cast<void *>(array.data());
  tensor.capacity = static_cast<int64_t>(array.nbytes());
  tensor.rank = static_cast<int32_t>(array.ndim());
  for (size_t axis = 0; axis < array.ndim(); ++axis)
    tensor.shape[axis] = static_cast<int64_t>(array.shape(axis));
  return tensor;
}

static nb::dlpack::dtype getType(int32_t number) {
  for (const TypePair &pair : kTypes)
    if (pair.number == number)
      return pair.type;
  throw Failure("an output has an element type that numpy does not have");
}

static Output makeArray(void *data, int32_t dtype, const int64_t *shape,
                        size_t rank, nb::handle owner) {
  size_t sizes[NEUROPLAST_MAX_RANK] = {};
  for (size_t axis = 0; axis < rank; ++axis)
    sizes[axis] = static_cast<size_t>(shape[axis]);
  return Output(data, rank, sizes, owner, nullptr, getType(dtype));
}

/// Results of a run, and what gives their memory back.
struct Result {
  std::shared_ptr<Function> function;
  void *data;

  ~Result() { function->release(data); }
};

/// What an object is as an array, copied if it does not lie row by row.
static Input toArray(nb::handle object) {
  Input array;
  if (nb::try_cast(object, array, /*convert=*/false))
    return array;
  nb::object numpy = nb::module_::import_("numpy");
  return nb::cast<Input>(numpy.attr("ascontiguousarray")(object));
}

static std::vector<Output> call(const std::shared_ptr<Function> &function,
                                const nb::list &objects) {
  // Arrays live while code reads them.
  std::vector<Input> arrays;
  std::vector<NeuroplastTensor> given, results;
  for (nb::handle object : objects) {
    arrays.push_back(toArray(object));
    given.push_back(
        view(arrays.back(), function->getInputs().at(given.size()).name));
  }
  {
    nb::gil_scoped_release released;
    results = function->run(given);
  }
  std::vector<Output> outputs;
  for (const NeuroplastTensor &result : results) {
    nb::capsule owner(
        new Result{function, result.data},
        [](void *pointer) noexcept { delete static_cast<Result *>(pointer); });
    outputs.push_back(makeArray(result.data, result.dtype, result.shape,
                                static_cast<size_t>(result.rank), owner));
  }
  return outputs;
}

/// Arrays by name, and how code sees them.
struct NamedArrays {
  explicit NamedArrays(const nb::dict &objects) {
    for (auto [name, object] : objects) {
      arrays.push_back(toArray(object));
      auto text = nb::cast<std::string>(name);
      views.emplace_back(text, view(arrays.back(), text));
    }
  }

  std::vector<Input> arrays;
  NamedViews views;
};

static std::vector<std::pair<std::string, Output>> act(LearningSession &session,
                                                       const nb::dict &inputs) {
  NamedArrays given(inputs);
  std::vector<std::pair<std::string, OwnedTensor>> said;
  {
    nb::gil_scoped_release released;
    said = session.act(given.views);
  }
  std::vector<std::pair<std::string, Output>> outputs;
  for (auto &[name, tensor] : said) {
    auto *kept = new OwnedTensor(std::move(tensor));
    nb::capsule owner(kept, [](void *pointer) noexcept {
      delete static_cast<OwnedTensor *>(pointer);
    });
    outputs.emplace_back(name, makeArray(kept->bytes.data(), kept->dtype,
                                         kept->shape.data(), kept->shape.size(),
                                         owner));
  }
  return outputs;
}

NB_MODULE(_native, module) {
  nb::exception<Failure>(module, "Error", PyExc_RuntimeError);

  nb::class_<TensorInfo>(module, "TensorInfo")
      .def_ro("name", &TensorInfo::name)
      .def_ro("dtype", &TensorInfo::dtype)
      .def_ro("shape", &TensorInfo::shape);

  nb::class_<Function>(module, "Function")
      .def(nb::init<const std::string &, const std::vector<std::string> &,
                    unsigned>(),
           nb::arg("path"), nb::arg("shapes"), nb::arg("threads"),
           nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("inputs", &Function::getInputs)
      .def_prop_ro("outputs", &Function::getOutputs)
      .def("run", &call, nb::arg("arrays"));

  nb::class_<LearningSession>(module, "LearningSession")
      .def(nb::init<const std::string &, const std::vector<std::string> &>(),
           nb::arg("path"), nb::arg("options"))
      .def("act", &act, nb::arg("inputs"))
      .def(
          "learn",
          [](LearningSession &session, const nb::dict &examples) {
            NamedArrays given(examples);
            nb::gil_scoped_release released;
            return session.learn(given.views);
          },
          nb::arg("examples"))
      .def("edit", &LearningSession::edit, nb::arg("words"),
           nb::call_guard<nb::gil_scoped_release>())
      .def("save", &LearningSession::save, nb::arg("path"),
           nb::arg("with_states"))
      .def_prop_ro("steps", &LearningSession::getNumSteps)
      .def_prop_ro("parameters", &LearningSession::countParameters);
}
