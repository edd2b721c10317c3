// What host and device code share. Thread rule: pure functions.
#pragma once

#ifdef __CUDACC__
#define TOLLGATE_BOTH_MEMBER __host__ __device__
#else
#define TOLLGATE_BOTH_MEMBER
#endif
#define TOLLGATE_BOTH TOLLGATE_BOTH_MEMBER inline  // a free function of either side
