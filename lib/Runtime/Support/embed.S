/* The bitcode of support.c, as data of the compiler. */
  .section .rodata
  .globl neuroplast_support_begin
  .globl neuroplast_support_end
  .p2align 4
neuroplast_support_begin:
  .incbin NEUROPLAST_SUPPORT_BITCODE
neuroplast_support_end:
  .section .note.GNU-stack,"",@progbits
