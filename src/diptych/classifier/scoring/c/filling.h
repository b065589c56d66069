/* What a kernel holds, from Python's objects: texts, dicts, lists and buffers. */

static int hash_object(PyObject *text, hashed *out)
{
    wide s = {0};
    int failed = letters_of(text, &s);
    if (!failed) *out = hash_letters(s.at, s.n);
    free(s.at);
    return failed;
}

/* a buffer of `size` bytes, to be released; NULL in `view->obj` where it is not that */
static int borrow(PyObject *from, Py_buffer *view, Py_ssize_t size, const char *what)
{
    if (PyObject_GetBuffer(from, view, PyBUF_C_CONTIGUOUS)) return -1;
    if (view->len == size) return 0;
    PyErr_Format(PyExc_ValueError, "%s holds %zd bytes, and %zd are wanted", what, view->len, size);
    PyBuffer_Release(view);
    return -1;
}

static double *copied(PyObject *from, Py_ssize_t n, const char *what)
{
    Py_buffer view;
    if (borrow(from, &view, n * (Py_ssize_t)sizeof(double), what)) return NULL;
    double *to = malloc((size_t)view.len + 1);
    if (to) memcpy(to, view.buf, (size_t)view.len);
    else PyErr_NoMemory();
    PyBuffer_Release(&view);
    return to;
}

/* a dict of texts → numbers: the first or the second number of their entries */
static int fill_table(table *t, PyObject *from, int first)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(from, &at, &key, &value)) {
        hashed name;
        if (hash_object(key, &name)) return -1;
        int64_t number = PyLong_AsLongLong(value);
        if (number == -1 && PyErr_Occurred()) return -1;
        entry *e = table_put(t, name.h);
        if (first) e->first = number;
        else e->second = number;
    }
    return 0;
}

static int fill_tables(Kernel *k, PyObject *names, PyObject *classes, PyObject *small)
{
    if (table_start(&k->lexicon, PyDict_GET_SIZE(names) + PyDict_GET_SIZE(classes) + 1)
        || table_start(&k->small_words, PyDict_GET_SIZE(small) + 1)) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(names, &at, &key, &value)) {
        long party = PyLong_AsLong(value);
        if (party == -1 && PyErr_Occurred()) return -1;
        if (party < 0 || party >= k->parties) { PyErr_SetString(PyExc_ValueError, "a name of no party"); return -1; }
    }
    return fill_table(&k->lexicon, names, 1) || fill_table(&k->lexicon, classes, 0) || fill_table(&k->small_words, small, 0) ? -1 : 0;
}

/* the words of a name, one behind the other */
static int fill_phrase(Kernel *k, phrase *p, PyObject *words)
{
    wide one = {0}, all = {0};
    int failed = 0;
    p->n = PyList_GET_SIZE(words);
    if (!(p->ends = calloc((size_t)p->n + 1, sizeof(Py_ssize_t)))) { PyErr_NoMemory(); return -1; }
    for (Py_ssize_t w = 0; w < p->n && !failed; w++) {
        failed = letters_of(PyList_GET_ITEM(words, w), &one) || make_room(&all.at, &all.room, all.n + one.n + 1, sizeof(letter));
        if (failed) break;
        memcpy(all.at + all.n, one.at, (size_t)one.n * sizeof(letter));
        p->ends[w] = all.n += one.n;
    }
    free(one.at);
    p->letters = all.at;
    if (failed || !all.n || !p->ends[0]) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a name of no letters");
        return -1;
    }
    Py_ssize_t run = 0;
    while (run < p->ends[0] && kinds_of_letter(all.at[run]) & WORD) run++;
    uint64_t start = spread(run ? hash_letters(all.at, run).h : ODD_START);
    map_put(k->starts, start);
    k->odd_phrases |= !run;
    if (!(p->codes = malloc((size_t)all.n))) { PyErr_NoMemory(); return -1; }
    for (Py_ssize_t i = 0; i < all.n; i++) {
        p->codes[i] = all.at[i] < NARROWEST ? k->codes.of[all.at[i]] : 0;
        if (p->codes[i]) continue;
        free(p->codes);
        p->codes = NULL;
        break;
    }
    return 0;
}

static int fill_phrases(Kernel *k, PyObject *from)
{
    k->phrase_count = PyList_GET_SIZE(from);
    k->phrases = calloc((size_t)k->phrase_count + 1, sizeof(phrase));
    k->wanted = calloc((size_t)k->phrase_count / 64 + 1, sizeof(uint64_t));
    if (!k->phrases || !k->wanted) { PyErr_NoMemory(); return -1; }
    for (Py_ssize_t j = 0; j < k->phrase_count; j++) {
        PyObject *words, *pair = PyList_GET_ITEM(from, j);
        int party;
        if (!PyTuple_Check(pair)) { PyErr_SetString(PyExc_TypeError, "phrases are pairs"); return -1; }
        if (!PyArg_ParseTuple(pair, "O!i", &PyList_Type, &words, &party)) return -1;
        if (party < 0 || party >= k->parties) { PyErr_SetString(PyExc_ValueError, "a name of no party"); return -1; }
        k->phrases[j].party = party;
        if (fill_phrase(k, &k->phrases[j], words)) return -1;
    }
    return 0;
}

static int fill_numbers(PyObject *from, int *to, int most)
{
    Py_ssize_t n = PyList_GET_SIZE(from);
    if (n > MOST_PARTIES) { PyErr_SetString(PyExc_ValueError, "too many parties"); return -1; }
    for (Py_ssize_t i = 0; i < n; i++) {
        to[i] = (int)PyLong_AsLong(PyList_GET_ITEM(from, i));
        if (!PyErr_Occurred() && (to[i] < 0 || to[i] >= most)) PyErr_SetString(PyExc_ValueError, "a party that is not there");
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

static int fill_model(Kernel *k, PyObject *hashes, PyObject *idf, PyObject *rows, PyObject *order)
{
    Py_buffer h = {0}, i = {0}, r = {0}, o = {0};
    Py_ssize_t n = k->index.terms;
    int failed = borrow(hashes, &h, n * 8, "hashes") || borrow(idf, &i, n * 4, "idf") || borrow(order, &o, n * 4, "order")
        || borrow(rows, &r, n * k->index.values * 4, "rows");
    for (Py_ssize_t j = 0; !failed && j < n; j++) failed = ((int32_t *)o.buf)[j] < 0 || ((int32_t *)o.buf)[j] >= n;
    if (!failed) failed = fill_index(&k->index, h.buf, i.buf, r.buf, o.buf);
    PyBuffer_Release(&h); PyBuffer_Release(&i); PyBuffer_Release(&r); PyBuffer_Release(&o);
    size_t values = (size_t)k->index.values;
    k->runs = calloc(values + 1, sizeof(double));
    k->sum = calloc(values + 1, sizeof(double));
    if (!failed && (kept_start(&k->kept, k->index.values) || !k->runs || !k->sum || bag_room(&k->bag, 512))) failed = 1;
    if (failed && !PyErr_Occurred()) PyErr_NoMemory();
    return failed ? -1 : 0;
}
