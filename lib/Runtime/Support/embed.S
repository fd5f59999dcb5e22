/* The object file of support.c, and the C header of models, as data of the
   compiler. */
  .section .rodata
  .globl neuroplast_support_begin
  .globl neuroplast_support_end
  .p2align 4
neuroplast_support_begin:
  .incbin NEUROPLAST_SUPPORT_OBJECT
neuroplast_support_end:
  .globl neuroplast_abi_begin
  .globl neuroplast_abi_end
neuroplast_abi_begin:
  .incbin NEUROPLAST_ABI_HEADER
neuroplast_abi_end:
  .section .note.GNU-stack,"",@progbits
