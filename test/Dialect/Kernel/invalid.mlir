// RUN: neuroplast-opt %s --split-input-file --verify-diagnostics

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @maps(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op has 2 indexing maps for 3 operands}}
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#c = affine_map<(m, n, k) -> (m, n)>
func.func @factors(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op multiplies two operands, but has 1}}
  %0 = kernel.contract ins(%a : tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#c, #c]} {
  ^bb0:
    %x = arith.constant 0.0 : f32
    kernel.yield %x : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m)>
func.func @rank(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op has an indexing map of 1 places for operand 2 of type 'tensor<4x4xf32>'}}
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, m)>
func.func @diagonal(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op writes an element of the result more than once}}
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k * 2)>
#b = affine_map<(m, n, k) -> (k * 2, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @unsized(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op has loops of which no operand says how often they go around}}
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @summed(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op reads an operand of its region by a loop that is summed over}}
  %0 = kernel.contract ins(%a, %a, %a : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #a, #c]} {
  ^bb0(%sum: f32, %x: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @region(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op needs a region with 1 arguments, a sum and elements}}
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32, %x: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @mixed(%a: tensor<4x4xf32>, %c: memref<4x4xf32>) {
  // expected-error @+1 {{'kernel.contract' op mixes tensors and buffers}}
  kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%c : memref<4x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @result(%a: tensor<4x4xf32>) {
  // expected-error @+1 {{'kernel.contract' op needs the type of its destination as result}}
  kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @blocks(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op has no such blocks in its result}}
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c], padded_blocks = array<i64: 0, 17>} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @sums(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.contract' op has no such blocks in its first operand}}
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c], padded_sums = array<i64: 0, 12>} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

func.func @number(%a: tensor<4x4xf32>, %n: i32) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.fill_margins' op fills 'tensor<4x4xf32>' with 'i32'}}
  %0 = kernel.fill_margins %n into %a low [1, 1] high [0, 0] : i32, tensor<4x4xf32> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

func.func @axes(%a: tensor<4x4xf32>, %n: f32) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.fill_margins' op needs a margin before and behind each axis of 'tensor<4x4xf32>'}}
  %0 = kernel.fill_margins %n into %a low [1] high [0, 0] : f32, tensor<4x4xf32> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

func.func @negative(%a: tensor<4x4xf32>, %n: f32) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.fill_margins' op has a margin of negative size}}
  %0 = kernel.fill_margins %n into %a low [1, -1] high [0, 0] : f32, tensor<4x4xf32> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

func.func @window(%a: tensor<1x8xf32>, %b: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{'kernel.pool' op needs a map from the axes of its result and of its window to those of its input}}
  %0 = kernel.pool ins(%a : tensor<1x8xf32>) outs(%b : tensor<1x4xf32>)
      window [2] {input_map = affine_map<(n, w) -> (n, w * 2)>} -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}

// -----

func.func @empty_window(%a: tensor<1x8xf32>, %b: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{'kernel.pool' op has an empty window}}
  %0 = kernel.pool ins(%a : tensor<1x8xf32>) outs(%b : tensor<1x4xf32>)
      window [0] {input_map = affine_map<(n, w, k) -> (n, w * 2 + k)>} -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
