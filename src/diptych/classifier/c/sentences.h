/* A sentence by the rules of reading.h, in codes or as Python normalises it. */

/* letters as Python normalises (NFKC) and case-folds them */
static int fold_wide(Kernel *k, const letter *s, Py_ssize_t n)
{
    wide *out = &k->wide_plain;
    PyObject *raw = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, s, n);
    PyObject *made = raw ? PyObject_CallFunctionObjArgs(k->normalize, k->nfkc, raw, NULL) : NULL;
    PyObject *folded = made ? PyObject_CallMethod(made, "casefold", NULL) : NULL;
    Py_XDECREF(raw);
    Py_XDECREF(made);
    if (!folded) return -1;
    Py_ssize_t m = PyUnicode_GET_LENGTH(folded);
    int failed = make_room(&out->at, &out->room, m + 1, sizeof(letter)) || !PyUnicode_AsUCS4(folded, out->at, m + 1, 0);
    Py_DECREF(folded);
    out->n = m;
    return failed ? -1 : 0;
}

/* the kinds of the folded letters are returned, or 0 without memory */
static unsigned fold_narrow(Kernel *k, const code *s, Py_ssize_t n)
{
    const codes *c = &k->codes;
    unsigned seen = 1U << 31;
    if (make_room(&k->plain.at, &k->plain.room, UNFOLDED * n + 1, 1)) return 0;
    code *to = k->plain.at;
    for (Py_ssize_t i = 0; i < n; i++) {
        code one = s[i];
        *to++ = c->fold[one][0];
        seen |= c->kinds[one];
        if (one >= 128)
            for (int j = 1; j < c->folds[one]; j++) *to++ = c->fold[one][j];
    }
    k->plain.n = to - k->plain.at;
    return seen;
}

/* the tokens of a sentence that lies folded in `plain` */
static int read_tokens_of_codes(Kernel *k, int apostrophe)
{
    narrow *plain = &k->plain;
    if (apostrophe && k->codes.of[0x2019])
        for (Py_ssize_t i = 0; i < plain->n; i++)
            if (plain->at[i] == k->codes.of[0x2019]) plain->at[i] = '\'';
    return read_tokens_narrow(k, plain, &k->work, apostrophe);
}

static int read_sentence_narrow(Kernel *k, const code *s, Py_ssize_t n)
{
    narrow *plain = &k->plain;
    unsigned seen = fold_narrow(k, s, n);
    k->sentences++;
    if (!seen || read_words_narrow(k, plain->at, plain->n)) return -1;
    if (!k->markers) return 0;
    return read_tokens_of_codes(k, (seen & APOSTROPHE) != 0) ? -1 : read_parties(k);
}

static int read_sentence_wide(Kernel *k, const letter *s, Py_ssize_t n)
{
    narrow *own = &k->codes_of_sentence;
    wide *plain = &k->wide_plain;
    Py_ssize_t i = 0;
    if (make_room(&own->at, &own->room, n + 1, 1)) return -1;
    for (; i < n && s[i] < NARROWEST && (k->codes.of[s[i]] || !s[i]); i++) own->at[i] = k->codes.of[s[i]];
    if (i == n) return read_sentence_narrow(k, own->at, n);
    k->sentences++;
    if (fold_wide(k, s, n) || read_words_wide(k, plain->at, plain->n)) return -1;
    if (!k->markers) return 0;
    int apostrophe = 0;
    for (i = 0; i < plain->n; i++) {
        if (plain->at[i] == 0x2019) plain->at[i] = '\'';
        else if (plain->at[i] >= MARK_WIDE) plain->at[i] = ' ';
        apostrophe |= plain->at[i] == '\'';
    }
    return read_tokens_wide(k, plain, &k->wide_work, apostrophe) ? -1 : read_parties(k);
}

