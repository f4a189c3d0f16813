/* The functions of src/lib.rs: each takes a number and returns one. */
#define HOST_FUNCTIONS(X)                                                                          \
    X(watch) X(heard) X(unwatch) X(section) X(install) X(counted) X(restore) X(on_stack) X(send)
#define HOST_DECLARE(name) int host_##name(int);
HOST_FUNCTIONS(HOST_DECLARE)
