/* What inline_cache.h remembers, found the first time, and after a type or a module has changed. */
#include "inline_cache.h"

/* A field of a named tuple: what _collections makes of it. */
typedef struct { PyObject_HEAD Py_ssize_t index; PyObject *doc; } TupleGetter;

static PyTypeObject *of_module(PyTypeObject **type, const char *module, const char *name) {
    if (*type == NULL) {
        PyObject *found = PyImport_ImportModule(module);
        *type = found ? (PyTypeObject *)PyObject_GetAttrString(found, name) : NULL;
        Py_XDECREF(found);
        if (*type == NULL) {
            PyErr_Clear();
        }
    }
    return *type;
}

static int has_version(PyTypeObject *type) {
    return PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG) && type->tp_version_tag != 0
        && type->tp_version_tag != IC_NO_VERSION;
}

static unsigned int kind_of(PyTypeObject *type, PyObject *object, PyObject *found, Py_ssize_t *at) {
    static PyTypeObject *getter;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        *at = member->offset;
        return member->type == T_OBJECT_EX && PyType_IsSubtype(type, PyDescr_TYPE(found)) ? IC_HELD : IC_NONE;
    }
    if (PyTuple_Check(object) && Py_TYPE(found) == of_module(&getter, "_collections", "_tuplegetter")) {
        *at = ((TupleGetter *)found)->index;
        return *at < PyTuple_GET_SIZE(object) ? IC_ITEM : IC_NONE;
    }
    return IC_NONE;
}

/* A class is asked: what it or a base of it holds, and is no descriptor, is what it answers. */
static void remember_own(IcAttribute *ic, PyObject *object, PyObject *name) {
    static PyTypeObject *enumerated;
    PyTypeObject *meta = Py_TYPE(object), *type = (PyTypeObject *)object;
    PyTypeObject *known = of_module(&enumerated, "enum", "EnumType"); /* its __getattr__ is asked only if this fails */
    if (meta->tp_getattro != PyType_Type.tp_getattro && !(known && PyType_IsSubtype(meta, known))) {
        return;
    }
    PyObject *found = _PyType_Lookup(type, name), *over = _PyType_Lookup(meta, name);
    if (found && has_version(type) && !Py_TYPE(found)->tp_descr_get && !(over && Py_TYPE(over)->tp_descr_set)) {
        ic->kind2 = IC_OWN;
        ic->version2 = type->tp_version_tag;
        ic->owner = object;
        ic->value = found;
    }
}

PyObject *Ic_AttributeMissed(IcAttribute *ic, PyObject *object, PyObject *name) {
    PyTypeObject *type = Py_TYPE(object);
    if (ic->kind2 == IC_OWN) {
        if (object == ic->owner && ((PyTypeObject *)object)->tp_version_tag == ic->version2) {
            return Py_NewRef(ic->value);
        }
    } else if (type->tp_version_tag == ic->version2) {
        PyObject *held = ic->kind2 == IC_HELD ? *(PyObject **)((char *)object + ic->at2)
                                              : PyTuple_GET_ITEM(object, ic->at2);
        if (held != NULL) {
            return Py_NewRef(held);
        }
    }
    if (type->tp_getattro == PyObject_GenericGetAttr) {
        Py_ssize_t at = 0;
        PyObject *found = _PyType_Lookup(type, name);
        unsigned int kind = found && has_version(type) ? kind_of(type, object, found, &at) : IC_NONE;
        if (kind != IC_NONE) {
            if (ic->kind != IC_NONE) { /* the other type that comes here */
                ic->version2 = ic->version;
                ic->kind2 = ic->kind;
                ic->at2 = ic->at;
            }
            ic->version = type->tp_version_tag;
            ic->kind = kind;
            ic->at = at;
        }
    } else if (PyType_Check(object)) {
        remember_own(ic, object, name);
    }
    return PyObject_GetAttr(object, name);
}

PyObject *Ic_MethodMissed(IcMethod *ic, PyObject *name, PyObject *const *args, size_t n, PyObject *names) {
    PyTypeObject *type = Py_TYPE(args[0]);
    int hidden = type->tp_dictoffset != 0 || PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT);
    if (type->tp_getattro == PyObject_GenericGetAttr && !hidden) {
        PyObject *found = _PyType_Lookup(type, name);
        if (found && has_version(type) && PyType_HasFeature(Py_TYPE(found), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
            ic->version = type->tp_version_tag;
            ic->method = found;
        }
    }
    return PyObject_VectorcallMethod(name, args, n, names);
}

PyObject *Ic_GlobalMissed(IcGlobal *ic, PyObject *globals, PyObject *name) {
    PyObject *found = CPyDict_GetItem(globals, name);
    if (found != NULL) {
        ic->version = ((PyDictObject *)globals)->ma_version_tag;
        ic->value = found;
    }
    return found;
}
