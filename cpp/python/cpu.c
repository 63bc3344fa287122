#include <Python.h>

// C, compiled for any processor: it runs before a build of nncore._core is chosen.
static PyObject* level(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return PyUnicode_FromString("x86-64-v4");
  if (__builtin_cpu_supports("x86-64-v3")) return PyUnicode_FromString("x86-64-v3");
  if (__builtin_cpu_supports("x86-64-v2")) return PyUnicode_FromString("x86-64-v2");
  return PyUnicode_FromString("x86-64");
}

static PyMethodDef functions[] = {
    {"level", level, METH_NOARGS, "level() -> str\n--\n\nHighest x86-64 level (psABI) that this processor has."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_cpu",
    .m_doc = "What this processor can run.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__cpu(void) { return PyModuleDef_Init(&module); }
