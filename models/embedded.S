// The file demo.gguf as bytes of the program; declared in embedded.h.
    .section .rodata
    .balign 64
    .globl tollgate_demo_model_begin, tollgate_demo_model_end
tollgate_demo_model_begin:
    .incbin "demo.gguf"
tollgate_demo_model_end:
    .section .note.GNU-stack,"",@progbits
