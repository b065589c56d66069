/* The Python type. */

static int Kernel_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    Kernel *k = (Kernel *)self;
    static char *words[] = {"hashes", "idf", "rows", "order", "intercepts", "shares", "weights", "rarest", "parties", "joint", "own", "rank",
        "names", "phrases", "classes", "languages", "small_words", "english", "markers", "letters", "folds", "normalize", NULL};
    PyObject *hashes, *idf, *rows, *order, *intercepts, *shares, *parties, *own, *rank, *called, *phrases, *classes, *languages, *small;
    PyObject *letters, *folds, *normalize;
    if (k->intercepts) { PyErr_SetString(PyExc_RuntimeError, "it is made already"); return -1; }
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOO(dddd)dO!iO!O!O!O!O!O!O!npUO!O", words, &hashes, &idf, &rows, &order,
            &intercepts, &shares, &k->weights[0], &k->weights[1], &k->weights[2], &k->weights[3], &k->rarest, &PyList_Type, &parties,
            &k->joint, &PyList_Type, &own, &PyList_Type, &rank, &PyDict_Type, &called, &PyList_Type, &phrases, &PyDict_Type, &classes,
            &PyList_Type, &languages, &PyDict_Type, &small, &k->english, &k->markers, &letters, &PyList_Type, &folds, &normalize)) return -1;
    Py_ssize_t n = PyObject_Length(hashes), v = PyObject_Length(intercepts), d = shares == Py_None ? 0 : PyObject_Length(shares);
    if (n < 0 || v < 0 || d < 0) return -1;
    k->parties = (int)PyList_GET_SIZE(parties);
    if (v > MOST_VALUES || n > MOST_TERMS || PyList_GET_SIZE(parties) > MOST_PARTIES || PyList_GET_SIZE(languages) > MOST_LANGUAGES) {
        PyErr_SetString(PyExc_OverflowError, "more values, terms, parties or languages than the kernel is made for");
        return -1;
    }
    k->owns = (int)PyList_GET_SIZE(own);
    if (k->joint < 0 || k->joint >= k->parties || PyList_GET_SIZE(rank) != k->parties || (d && d != 5 * k->owns + 15)) {
        PyErr_SetString(PyExc_ValueError, "parties, joint, rank and shares do not fit together");
        return -1;
    }
    k->index.terms = n;
    k->index.values = v;
    k->index.stride = ((Py_ssize_t)sizeof(record) + v * 4 + 63) / 64 * 64;
    k->shares = d;
    k->first_mark = 256 - k->parties;
    k->language_count = PyList_GET_SIZE(languages);
    if (fill_codes(&k->codes, letters, folds, k->first_mark) || fill_model(k, hashes, idf, rows, order)) return -1;
    if (!(k->intercepts = copied(intercepts, v, "intercepts")) || (d && !(k->share_rows = copied(shares, d * v, "shares")))) return -1;
    if (fill_numbers(own, k->own, k->parties) || fill_numbers(rank, k->rank, k->parties) || fill_tables(k, called, classes, small)
        || fill_phrases(k, phrases)) return -1;
    for (int p = 0; p < k->parties; p++)
        if (hash_object(PyList_GET_ITEM(parties, p), &k->party_names[p])) return -1;
    Py_INCREF(normalize);
    k->normalize = normalize;
    Py_INCREF(languages);
    k->languages = languages;
    k->nfkc = PyUnicode_InternFromString("NFKC");
    k->und = PyUnicode_InternFromString("und");
    return k->nfkc && k->und ? 0 : -1;
}

static void Kernel_dealloc(PyObject *self)
{
    Kernel *k = (Kernel *)self;
    for (Py_ssize_t j = 0; k->phrases && j < k->phrase_count; j++) {
        free(k->phrases[j].letters); free(k->phrases[j].codes); free(k->phrases[j].ends);
    }
    free(k->phrases); free(k->wanted);
    index_end(&k->index);
    kept_end(&k->kept);
    free(k->intercepts); free(k->share_rows); free(k->lexicon.at); free(k->small_words.at);
    free(k->text.at); free(k->wide_plain.at); free(k->wide_work.at);
    free(k->codes_of_text.at); free(k->codes_of_sentence.at); free(k->plain.at); free(k->work.at);
    free(k->edged.at); free(k->words.at); free(k->tokens.at);
    free(k->word_runs.at); free(k->singles.at); free(k->pairs.at); free(k->around.at); free(k->sides.at);
    bag_end(&k->bag);
    free(k->runs); free(k->sum);
    Py_XDECREF(k->normalize); Py_XDECREF(k->nfkc); Py_XDECREF(k->languages); Py_XDECREF(k->und);
    Py_TYPE(self)->tp_free(self);
}

PyDoc_STRVAR(score_doc, "score(texts, scores, known, named) -> list of languages\n\n"
    "Fill scores (n x V float64), known (n float64) and named (n bool); None for a language that is left to Python.");

static PyObject *Kernel_score(PyObject *self, PyObject *args)
{
    Kernel *k = (Kernel *)self;
    PyObject *texts;
    Py_buffer scores, known, named;
    if (!PyArg_ParseTuple(args, "O!w*w*w*", &PyList_Type, &texts, &scores, &known, &named)) return NULL;
    Py_ssize_t n = PyList_GET_SIZE(texts), values = k->index.values;
    PyObject *said = k->und ? PyList_New(n) : NULL;
    if (!k->und) PyErr_SetString(PyExc_RuntimeError, "it was not made");
    if (scores.len != n * values * 8 || known.len != n * 8 || named.len != n) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit the texts");
        Py_CLEAR(said);
    }
    for (Py_ssize_t i = 0; said && i < n; i++) {
        Py_ssize_t language = score_text(k, PyList_GET_ITEM(texts, i), (double *)scores.buf + i * values, (double *)known.buf + i,
            (unsigned char *)named.buf + i);
        if (language == -3) {
            if (!PyErr_Occurred()) PyErr_NoMemory();
            Py_CLEAR(said);
            break;
        }
        PyObject *one = language >= 0 ? PyList_GET_ITEM(k->languages, language) : language == UNKNOWN ? k->und : Py_None;
        Py_INCREF(one);
        PyList_SET_ITEM(said, i, one);
        if ((i & 255) == 255 && PyErr_CheckSignals()) Py_CLEAR(said);
    }
    PyBuffer_Release(&scores);
    PyBuffer_Release(&known);
    PyBuffer_Release(&named);
    return said;
}

PyDoc_STRVAR(hash_doc, "term_hash(kind, term) -> the number by which a model knows a term of kind 0 to 3");

static PyObject *kernel_term_hash(PyObject *module, PyObject *args)
{
    int kind;
    PyObject *term;
    hashed name;
    (void)module;
    if (!PyArg_ParseTuple(args, "iU", &kind, &term) || hash_object(term, &name)) return NULL;
    if (kind < 0 || kind >= TERM_KINDS) { PyErr_SetString(PyExc_ValueError, "a kind of terms is 0 to 3"); return NULL; }
    return PyLong_FromUnsignedLongLong(mix(name.h ^ SEEDS[kind]));
}

static PyMethodDef Kernel_methods[] = {{"score", Kernel_score, METH_VARARGS, score_doc}, {NULL, NULL, 0, NULL}};
static PyMethodDef module_methods[] = {{"term_hash", kernel_term_hash, METH_VARARGS, hash_doc}, {NULL, NULL, 0, NULL}};

static PyTypeObject KernelType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "diptych.classifier.scoring._kernel.Kernel",
    .tp_doc = PyDoc_STR("A compiled model; see diptych.classifier.scoring.kernel."),
    .tp_basicsize = sizeof(Kernel),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = Kernel_init,
    .tp_dealloc = Kernel_dealloc,
    .tp_methods = Kernel_methods,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_kernel", .m_size = -1, .m_methods = module_methods};

static void make_constants(void)
{
    static const char *const classes[] = {"see", "want", "fear", "decide", "say", "favour", "disfavour"};
    static const letter dots[] = {' ', 0x2026, ' '};
    make_letters();
    for (int i = 1; i < 64; i++) LOGS[i] = 1 + log((double)i);
    blank = hash_text(" "); side_mark = hash_text(": "); gap = hash_letters(dots, 3);
    word_and = hash_text("and"); word_or = hash_text("or");
    T_CONTRAST = hash_text("sentence contrasts"); T_WITHOUT = hash_text("sentence without party");
    T_BEGINS = hash_text("sentence begins "); T_NAMES = hash_text("sentence names ");
    T_ELSEWHERE = hash_text("sentence begins elsewhere, then "); T_VIEW = hash_text("view"); T_VIEW_OF = hash_text("view ");
    T_HOLDS = hash_text("holds "); T_CLOSE = hash_text("holds close "); T_TOWARDS = hash_text("towards ");
    T_VALUE = hash_text("value "); T_NOT = hash_text("not "); T_BETWEEN = hash_text(" between"); T_THIRD = hash_text(" third");
    T_OFFICE = hash_text("office "); T_THIRD_PARTY = hash_text("<third_party>");
    for (int i = 0; i < 7; i++) CLASS_NAMES[i] = hash_text(classes[i]);
}

PyMODINIT_FUNC PyInit__kernel(void)
{
    make_constants();
    if (PyType_Ready(&KernelType)) return NULL;
    PyObject *m = PyModule_Create(&module);
    if (!m) return NULL;
    Py_INCREF(&KernelType);
    if (PyModule_AddObject(m, "Kernel", (PyObject *)&KernelType)) {
        Py_DECREF(&KernelType);
        Py_DECREF(m);
        return NULL;
    }
    return m;
}
