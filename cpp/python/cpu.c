#include <Python.h>
#include <dlfcn.h>

// C, compiled for any processor: it runs before a build of the kernels is chosen.
static PyObject* level(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return PyUnicode_FromString("x86-64-v4");
  if (__builtin_cpu_supports("x86-64-v3")) return PyUnicode_FromString("x86-64-v3");
  if (__builtin_cpu_supports("x86-64-v2")) return PyUnicode_FromString("x86-64-v2");
  return PyUnicode_FromString("x86-64");
}

static PyObject* load(PyObject* self, PyObject* path) {
  (void)self;
  PyObject* name = NULL;
  if (!PyUnicode_FSConverter(path, &name)) return NULL;
  void* library = dlopen(PyBytes_AS_STRING(name), RTLD_NOW | RTLD_LOCAL);
  Py_DECREF(name);
  if (library == NULL) return PyErr_Format(PyExc_ImportError, "%s", dlerror());
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"level", level, METH_NOARGS, "level() -> str\n--\n\nHighest x86-64 level (psABI) that this processor has."},
    {"load", load, METH_O, "load(path: str) -> None\n--\n\nLoad a library; modules that need one of its name find it."},
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
    .m_doc = "What this processor can run, and the loading of it.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__cpu(void) { return PyModuleDef_Init(&module); }
