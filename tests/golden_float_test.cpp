// The same in float.
#include "golden_test.cpp"
