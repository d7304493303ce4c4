// The same in float.
#include "network_test.cpp"
