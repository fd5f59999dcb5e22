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

// -----

func.func @softmax_shape(%x: tensor<4x8xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'kernel.softmax' op needs rows, and a destination of the shape of 'tensor<4x8xf32>', but has 'tensor<4x4xf32>'}}
  %0 = kernel.softmax ins(%x : tensor<4x8xf32>) outs(%y : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

func.func @few_inputs(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x16xf32>) {
  // expected-error @+1 {{'kernel.attention' op needs queries, keys and values, but has 2 inputs}}
  %0:2 = kernel.attention ins(%q, %k : tensor<16x4xf32>, tensor<4x16xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x16xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>, affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x16xf32>
  return
}

// -----

func.func @few_maps(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x16xf32>) {
  // expected-error @+1 {{'kernel.attention' op has 3 indexing maps for 3 inputs and a result}}
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<16x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x16xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x16xf32>
  return
}

// -----

func.func @no_axis(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x16xf32>) {
  // expected-error @+1 {{'kernel.attention' op has an indexing map that is not of the axes of operand 1 of type 'tensor<4x16xf32>'}}
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<16x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x16xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d)>, affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x16xf32>
  return
}

// -----

func.func @no_keys(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x16xf32>) {
  // expected-error @+1 {{'kernel.attention' op needs one loop that only keys and values move with}}
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<16x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x16xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>, affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, n)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x16xf32>
  return
}

// -----

func.func @no_rows(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x16xf32>) {
  // expected-error @+1 {{'kernel.attention' op has no rows that meet the same keys and values}}
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<16x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x16xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (d, 0)>, affine_map<(m, n, d, e) -> (d, n)>, affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x16xf32>
  return
}

// -----

func.func @lonely_loop(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x16xf32>) {
  // expected-error @+1 {{'kernel.attention' op has a loop that is neither of the result, nor of keys, nor of sums of products}}
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<16x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x16xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (0, n)>, affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x16xf32>
  return
}

// -----

func.func @room(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x4xf32>) {
  // expected-error @+1 {{'kernel.attention' op needs room for scores as workers x rows x keys, but has 'tensor<1x8x4xf32>'}}
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<16x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x4xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>, affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x4xf32>
  return
}

// -----

func.func @region_arguments(%q: tensor<16x4xf32>, %k: tensor<4x16xf32>, %v: tensor<16x4xf32>, %y: tensor<16x4xf32>, %scores: tensor<1x8x16xf32>) {
  // expected-error @+1 {{'kernel.attention' op needs a region with 1 arguments of f32, a score and elements}}
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<16x4xf32>, tensor<4x16xf32>, tensor<16x4xf32>) outs(%y, %scores : tensor<16x4xf32>, tensor<1x8x16xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>, affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32, %other: f32):
    kernel.yield %score : f32
  } -> tensor<16x4xf32>, tensor<1x8x16xf32>
  return
}
