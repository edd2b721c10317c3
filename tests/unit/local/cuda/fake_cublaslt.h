// How the cuBLASLt of the tests behaves, and what it counted. Thread rule: one thread.
#pragma once

struct FakeCublasLt {
  bool refuses_to_start = false;
  bool refuses_fp8 = false;
  bool refuses_scales = false;      // for each row
  bool refuses_when_asked = false;  // in the product, after it was chosen
  int living = 0;                   // handles, descriptions, layouts and preferences
  int choices = 0, products = 0;
};

extern "C" FakeCublasLt* fake_cublaslt();  // by dlsym()
