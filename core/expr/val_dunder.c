/*
 * __class__ and its kin. A type is an object that knows its name and nothing
 * else, so no path leads from it to anything a template was not given.
 */
#include <weir/expr/dunder.h>
#include <weir/expr/method.h>
#include <weir/expr/val_priv.h>

typedef struct type_obj {
    wr_obj_t    obj;
    const char *module;
    const char *name;
} type_obj_t;

static wr_val_t type_of(wr_eval_t *ev, const wr_val_t *v);

static bool
type_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    const type_obj_t *t = (const type_obj_t *) o;
    wr_val_t          self = wr_vobj(o);

    if (wr_str_eqz(name, "__name__") || wr_str_eqz(name, "__qualname__")) {
        *out = wr_vstr(wr_str_z(t->name));
    } else if (wr_str_eqz(name, "__module__")) {
        *out = wr_vstr(wr_str_z(t->module));
    } else if (wr_str_eqz(name, "__class__")) {
        *out = type_of(ev, &self);
    } else {
        return false;
    }
    return true;
}

static bool
type_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    const type_obj_t *t = (const type_obj_t *) o;

    (void) ev;
    wr_buf_lit(to, "<class '");
    if (strcmp(t->module, "builtins") != 0) {
        wr_buf_z(to, t->module);
        wr_buf_char(to, '.');
    }
    wr_buf_z(to, t->name);
    wr_buf_lit(to, "'>");
    return true;
}

static bool
type_equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is);

static const wr_obj_type_t type_type = {
    .name = "type", .attr = type_attr, .repr = type_repr, .equal = type_equal,
};

static bool
type_equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    const type_obj_t *a = (const type_obj_t *) o;
    const type_obj_t *b;

    (void) ev;
    *is = false;
    if (v->type == WR_V_OBJ && v->u.obj->type == &type_type) {
        b = (const type_obj_t *) v->u.obj;
        *is = strcmp(a->name, b->name) == 0
              && strcmp(a->module, b->module) == 0;
    }
    return true;
}

static wr_val_t
type_of(wr_eval_t *ev, const wr_val_t *v)
{
    type_obj_t *t = WR_NEW(ev->pool, type_obj_t);

    t->obj.type = &type_type;
    t->name = wr_type_name(v);
    t->module = "builtins";
    if (v->type == WR_V_OBJ && v->u.obj->type->module != NULL) {
        t->module = v->u.obj->type->module;
    } else if (v->type == WR_V_UNDEFINED) {
        t->module = "jinja2.runtime";
    } else if (wr_is_safe(v)) {
        t->module = "markupsafe";
    } else if (v->type == WR_V_TUPLE && (v->flags & WR_VF_GROUP) != 0) {
        t->module = "jinja2.filters";
    }
    return wr_vobj(&t->obj);
}

/* ---- what the sandbox hides ---- */

/* Attributes of Python's objects that are of no use to a template and are not
 * there; but the sandbox says of them that they are unsafe, not missing. */
static const char of_all[] =
    " __delattr__ __dir__ __doc__ __eq__ __format__ __ge__ __getattribute__"
    " __getstate__ __gt__ __hash__ __init__ __init_subclass__ __le__ __lt__"
    " __ne__ __new__ __reduce__ __reduce_ex__ __repr__ __setattr__ __sizeof__"
    " __str__ __subclasshook__ ";
static const char of_sequences[] =
    " __add__ __contains__ __getitem__ __iter__ __len__ __mul__ __rmul__"
    " __getnewargs__ ";
static const char of_changing[] =
    " __class_getitem__ __delitem__ __iadd__ __imul__ __ior__ __or__"
    " __reversed__ __ror__ __setitem__ ";
static const char of_str[] = " __mod__ __rmod__ ";
static const char of_numbers[] =
    " __abs__ __add__ __and__ __bool__ __ceil__ __divmod__ __float__ __floor__"
    " __floordiv__ __getnewargs__ __index__ __int__ __invert__ __lshift__"
    " __mod__ __mul__ __neg__ __or__ __pos__ __pow__ __radd__ __rand__"
    " __rdivmod__ __rfloordiv__ __rlshift__ __rmod__ __rmul__ __ror__"
    " __round__ __rpow__ __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__"
    " __sub__ __truediv__ __trunc__ __xor__ ";
static const char of_functions[] =
    " __annotations__ __builtins__ __call__ __closure__ __code__ __defaults__"
    " __dict__ __func__ __get__ __globals__ __kwdefaults__ __module__ __name__"
    " __qualname__ __self__ __text_signature__ __wrapped__ ";
static const char of_objects[] =
    " __call__ __dict__ __getitem__ __iter__ __len__ __module__ __next__"
    " __slots__ __weakref__ _after _argument_count _async_invoke _before"
    " _current _default_autoescape _environment _func _invoke _iterable"
    " _iterator _last_changed_value _length _peek_next _recurse _to_iterator"
    " _undefined ";
static const char of_undefined[] =
    " __add__ __aiter__ __bool__ __call__ __complex__ __div__ __float__"
    " __floordiv__ __getattr__ __getitem__ __int__ __iter__ __len__ __mod__"
    " __module__ __mul__ __neg__ __pos__ __pow__ __radd__ __rdiv__"
    " __rfloordiv__ __rmod__ __rmul__ __rpow__ __rsub__ __rtruediv__ __sub__"
    " __truediv__ ";
static const char of_types[] =
    " __abstractmethods__ __annotations__ __base__ __bases__ __basicsize__"
    " __call__ __dict__ __dictoffset__ __flags__ __instancecheck__"
    " __itemsize__ __mro__ __or__ __prepare__ __ror__ __subclasscheck__"
    " __subclasses__ __text_signature__ __weakrefoffset__ mro ";

static bool
is_word_of(const char *words, wr_str_t name)
{
    char   word[32];
    size_t n = name.n;

    if (n + 3 > sizeof(word)) {
        return false;
    }
    word[0] = ' ';
    memcpy(word + 1, name.p, n);
    word[n + 1] = ' ';
    word[n + 2] = '\0';
    return memchr(name.p, ' ', n) == NULL && strstr(words, word) != NULL;
}

static bool
is_hidden(const wr_val_t *v, wr_str_t name)
{
    if (is_word_of(of_all, name)) {
        return true;
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
        return is_word_of(of_sequences, name) || is_word_of(of_str, name);
    case WR_V_UNDEFINED:
        return is_word_of(of_undefined, name);
    case WR_V_BYTES:
    case WR_V_TUPLE:
        return is_word_of(of_sequences, name);
    case WR_V_LIST:
    case WR_V_DICT:
        return is_word_of(of_sequences, name) || is_word_of(of_changing, name);
    case WR_V_BOOL:
    case WR_V_INT:
    case WR_V_FLOAT:
        return is_word_of(of_numbers, name);
    case WR_V_FUNC:
        return is_word_of(of_functions, name);
    case WR_V_OBJ:
        if (v->u.obj->type == &type_type) {
            return is_word_of(of_types, name);
        }
        if (wr_str_eqz(name, "__len__")) {
            return v->u.obj->type->length != NULL;
        }
        return is_word_of(of_objects, name);
    default:
        return false;
    }
}

bool
wr_is_hidden_attr(const wr_val_t *v, wr_str_t name)
{
    if (v->type == WR_V_OBJ && v->u.obj->type->generator) {
        return wr_str_eqz(name, "gi_code") || wr_str_eqz(name, "gi_frame");
    }
    return v->type == WR_V_OBJ && v->u.obj->type == &type_type
           && wr_str_eqz(name, "mro");
}

bool
wr_find_dunder(wr_eval_t *ev, const wr_val_t *v, wr_str_t name, wr_val_t *out)
{
    /* Most names are none of them. */
    if (name.n == 0 || (name.p[0] != '_' && !wr_is_hidden_attr(v, name))) {
        return false;
    }
    if (wr_str_eqz(name, "__class__")) {
        *out = type_of(ev, v);
        return true;
    }
    if (v->type == WR_V_FUNC && wr_str_eqz(name, "__name__")) {
        *out = wr_vstr(wr_str_z(v->u.func->name));
        return true;
    }
    *out = wr_none();
    return ev->sandbox != 0
           && (is_hidden(v, name) || wr_is_hidden_attr(v, name));
}

/* ---- functions that are classes in Python ---- */

const char *
wr_func_class(const wr_func_t *f)
{
    static const char *const classes[][2] = {
        {"range", "range"},
        {"dict", "dict"},
        {"cycler", "jinja2.utils.Cycler"},
        {"joiner", "jinja2.utils.Joiner"},
        {"namespace", "jinja2.utils.Namespace"},
    };

    if (f->self.type != WR_V_UNDEFINED) {
        return NULL;
    }
    for (size_t i = 0; i < WR_COUNT(classes); i++) {
        if (strcmp(f->name, classes[i][0]) == 0) {
            return classes[i][1];
        }
    }
    return NULL;
}

bool
wr_func_is_python(const wr_func_t *f)
{
    return f->self.type == WR_V_OBJ
           || (wr_is_safe(&f->self) && wr_markup_has(wr_str_z(f->name)));
}
