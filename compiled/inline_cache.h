/* What mypyc's C looks up by name each time, remembered at the place where it is looked up.

   An attribute of a Struct, of a class with slots or of a named tuple is at a fixed offset: it is found once for each
   type at a place, and a type's version tells that the type is still the same. A method that no object can hide, and a
   global of a module, likewise. Whatever is none of these is looked up by name, as before. CPython 3.11 alone: later
   ones keep versions elsewhere. Included before each generated file; `library.py` puts in the names. */
#ifndef TRIAL_INLINE_CACHE_H
#define TRIAL_INLINE_CACHE_H
#include <Python.h>
#include <structmember.h>
#include "CPy.h"

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x030C0000
#error "inline_cache.h is for CPython 3.11"
#endif

/* Told so, the compiler puts what leads to an error, a fifth of the code, apart from what runs. */
#define IC_COLD __attribute__((cold))
IC_COLD void CPyError_OutOfMemory(void);
IC_COLD void CPy_TypeError(const char *expected, PyObject *value);
IC_COLD void CPy_AddTraceback(const char *file, const char *function, int line, PyObject *globals);
IC_COLD void CPy_TypeErrorTraceback(
    const char *file, const char *function, int line, PyObject *globals, const char *expected, PyObject *value);

/* IC_HELD: the object itself holds it, at an offset; IC_ITEM: of a tuple; IC_OWN: of one class, by its identity. */
enum { IC_NONE, IC_HELD, IC_ITEM, IC_OWN };
typedef struct {
    unsigned int version, kind;
    Py_ssize_t at;
    unsigned int version2, kind2;
    Py_ssize_t at2;
    PyObject *owner, *value; /* of IC_OWN, which is of the second version; borrowed, the version tells that they live */
} IcAttribute;
typedef struct { unsigned int version; PyObject *method; } IcMethod;
typedef struct { uint64_t version; PyObject *value; } IcGlobal;
#define IC_NO_VERSION (~0u)

PyObject *Ic_AttributeMissed(IcAttribute *ic, PyObject *object, PyObject *name);
PyObject *Ic_MethodMissed(IcMethod *ic, PyObject *name, PyObject *const *args, size_t n, PyObject *names);
PyObject *Ic_GlobalMissed(IcGlobal *ic, PyObject *globals, PyObject *name);

static inline __attribute__((always_inline)) PyObject *Ic_Attribute(IcAttribute *ic, PyObject *object, PyObject *name) {
    if (likely(Py_TYPE(object)->tp_version_tag == ic->version)) {
        PyObject *held = likely(ic->kind == IC_HELD) ? *(PyObject **)((char *)object + ic->at)
                                                     : PyTuple_GET_ITEM(object, ic->at);
        if (likely(held != NULL)) {
            return Py_NewRef(held);
        }
    }
    return Ic_AttributeMissed(ic, object, name);
}

static inline __attribute__((always_inline)) PyObject *Ic_Method(
    IcMethod *ic, PyObject *name, PyObject *const *args, size_t n, PyObject *names) {
    if (likely(Py_TYPE(args[0])->tp_version_tag == ic->version)) {
        return PyObject_Vectorcall(ic->method, args, n, names);
    }
    return Ic_MethodMissed(ic, name, args, n, names);
}

static inline __attribute__((always_inline)) PyObject *Ic_Global(IcGlobal *ic, PyObject *globals, PyObject *name) {
    if (likely(((PyDictObject *)globals)->ma_version_tag == ic->version)) {
        return Py_NewRef(ic->value);
    }
    return Ic_GlobalMissed(ic, globals, name);
}

#define IC_GET_ATTRIBUTE(object, name) \
    ({ static IcAttribute ic_ = {IC_NO_VERSION, 0, 0, IC_NO_VERSION, 0, 0, NULL, NULL}; \
       Ic_Attribute(&ic_, (object), (name)); })
#define IC_CALL_METHOD(name, args, n, names) \
    ({ static IcMethod ic_ = {IC_NO_VERSION, NULL}; \
       Ic_Method(&ic_, (name), (PyObject *const *)(args), (n), (names)); })
#define IC_GET_GLOBAL(globals, name) ({ static IcGlobal ic_ = {0, NULL}; Ic_Global(&ic_, (globals), (name)); })
#endif
