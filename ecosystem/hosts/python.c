/* An extension module of CPython with the functions of host.h. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "host.h"

/* Others run while a function waits. */
#define DEFINE(name)                                                                               \
    static PyObject *call_##name(PyObject *self, PyObject *arguments) {                            \
        int argument = 0, result;                                                                  \
        (void)self;                                                                                \
        if (!PyArg_ParseTuple(arguments, "|i", &argument)) return NULL;                            \
        Py_BEGIN_ALLOW_THREADS result = host_##name(argument);                                     \
        Py_END_ALLOW_THREADS return PyLong_FromLong(result);                                       \
    }
HOST_FUNCTIONS(DEFINE)

#define ENTRY(name) {#name, call_##name, METH_VARARGS, NULL},
static PyMethodDef methods[] = {HOST_FUNCTIONS(ENTRY){NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "host", .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit_host(void) { return PyModule_Create(&module); }
