/* A sentence → tokens, parties among them: parties.py. Read twice by the compiler, behind reading.h. */

static int F(boundary)(const Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i)
{
    int left = i > 0 && HAS(s[i - 1], WORD), right = i < n && HAS(s[i], WORD);
    (void)k;
    return left != right;
}

/* n't → not, as a word of its own */
static Py_ssize_t F(split_not)(const Kernel *k, const LETTER *s, Py_ssize_t n, LETTER *to)
{
    Py_ssize_t m = 0;
    for (Py_ssize_t i = 0; i < n;) {
        if (!HAS(s[i], WORD)) { to[m++] = s[i++]; continue; }
        Py_ssize_t end = i;
        while (end < n && HAS(s[end], WORD)) end++;
        int hit = end - i >= 2 && s[end - 1] == 'n' && end + 1 < n && s[end] == '\'' && s[end + 1] == 't' && F(boundary)(k, s, n, end + 2);
        for (; i < end - hit; i++) to[m++] = s[i];
        if (!hit) continue;
        for (const char *said = " not"; *said; said++) to[m++] = (LETTER)*said;
        i = end + 2;
    }
    return m;
}

static Py_ssize_t F(drop_possessive)(const Kernel *k, const LETTER *s, Py_ssize_t n, LETTER *to)
{
    Py_ssize_t m = 0;
    for (Py_ssize_t i = 0; i < n;) {
        if (s[i] == '\'' && i + 1 < n && s[i + 1] == 's' && F(boundary)(k, s, n, i + 2)) i += 2;
        else to[m++] = s[i++];
    }
    return m;
}

/* where the letters of a name of several words that begins at i end, or -1; what follows is not looked at */
static Py_ssize_t F(phrase_end)(const Kernel *k, const phrase *p, const LETTER *s, Py_ssize_t n, Py_ssize_t i)
{
    const LETTER *wanted = PHRASE(p);
    Py_ssize_t at = 0;
    (void)k;
    for (Py_ssize_t w = 0; w < p->n; w++) {
        if (w) {
            Py_ssize_t blanks = i;
            while (i < n && HAS(s[i], SPACE)) i++;
            if (i == blanks) return -1;
        }
        for (; at < p->ends[w]; at++, i++)
            if (i >= n || s[i] != wanted[at]) return -1;
    }
    return i;
}

/* Note which names of several words have their letters at i, where a run of word letters with this hash begins. */
static int F(note_phrases)(Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i, uint64_t run)
{
    int any = 0;
    if (!may_start(k, run)) return 0;
    for (Py_ssize_t j = 0; j < k->phrase_count; j++) {
        if (!PHRASE(&k->phrases[j]) || s[i] != PHRASE(&k->phrases[j])[0] || F(phrase_end)(k, &k->phrases[j], s, n, i) < 0) continue;
        k->wanted[j >> 6] |= 1ULL << (j & 63);
        any = 1;
    }
    return any;
}

/* which of the names of several words may stand in a sentence: those whose letters do before any is put in place */
static int F(possible_phrases)(Kernel *k, const LETTER *s, Py_ssize_t n)
{
    int any = 0;
    memset(k->wanted, 0, (size_t)(k->phrase_count / 64 + 1) * sizeof(uint64_t));
    for (Py_ssize_t i = 0; i < n;) {
        if (!HAS(s[i], WORD)) {
            if (k->odd_phrases && i > 0 && HAS(s[i - 1], WORD)) any |= F(note_phrases)(k, s, n, i, ODD_START);
            i++;
            continue;
        }
        Py_ssize_t start = i;
        while (i < n && HAS(s[i], WORD)) i++;
        any |= F(note_phrases)(k, s, n, start, F(hash)(k, s + start, i - start).h);
    }
    return any;
}

static Py_ssize_t F(mark_phrase)(const Kernel *k, const phrase *p, const LETTER *s, Py_ssize_t n, LETTER *to)
{
    Py_ssize_t m = 0;
    for (Py_ssize_t i = 0; i < n;) {
        Py_ssize_t end = s[i] == PHRASE(p)[0] && F(boundary)(k, s, n, i) ? F(phrase_end)(k, p, s, n, i) : -1;
        if (end < 0 || (end < n && HAS(s[end], WORD))) { to[m++] = s[i++]; continue; }
        to[m++] = ' ';
        to[m++] = (LETTER)MARK_OF(p->party);
        to[m++] = ' ';
        i = end;
    }
    return m;
}

static int32_t F(party_of)(const Kernel *k, const LETTER *s, Py_ssize_t n)
{
    int32_t held = -1;
    for (Py_ssize_t start = 0, i = 0; i <= n; i++) {
        if (i < n && s[i] != '-') continue;
        const entry *part = table_get(&k->lexicon, F(hash)(k, s + start, i - start).h);
        start = i + 1;
        if (!part || part->first < 0) continue;
        if (held >= 0 && held != part->first) return k->joint;
        held = (int32_t)part->first;
    }
    return held;
}

/* the token that begins at i, a word or a mark, and where it ends; -1 if a name of several words may begin in it */
static Py_ssize_t F(token_at)(Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i, int marked, token *t)
{
    Py_ssize_t start = i;
    int hyphen = 0, word = HAS(s[i], WORD) != 0;
    uint64_t h = VALUE(s[i]);
    Py_ssize_t run = i++; /* where the last run of word letters in the token begins */
    while (word && i < n) {
        if (!HAS(s[i], WORD)) {
            if ((s[i] != '-' && s[i] != '.') || i + 1 >= n || !HAS(s[i + 1], WORD)) break;
            if (!marked && F(note_phrases)(k, s, n, run, run == start ? h : F(hash)(k, s + run, i - run).h)) return -1;
            run = i + 1;
            hyphen |= s[i] == '-';
        }
        h += VALUE(s[i]) * POWER[(i - start) & (POWERS - 1)];
        i++;
    }
    if (i - start < POWERS) t->name = (hashed){h, POWER[i - start]};
    else t->name = F(hash)(k, s + start, i - start);
    if (word && !marked && F(note_phrases)(k, s, n, run, run == start ? t->name.h : F(hash)(k, s + run, i - run).h)) return -1;
    const entry *e = table_get(&k->lexicon, t->name.h);
    if (e && e->first >= 0) t->party = (int32_t)e->first;
    else if (hyphen) t->party = F(party_of)(k, s + start, i - start);
    if (t->party < 0) {
        t->classes = e ? (uint32_t)e->second : 0;
        if (t->name.h == word_and.h || t->name.h == word_or.h) t->party = -2;
    }
    return i;
}

/* 1 if a name of several words may stand in the sentence */
static int F(take_tokens)(Kernel *k, const LETTER *s, Py_ssize_t n, int marked)
{
    k->tokens.n = 0;
    for (Py_ssize_t i = 0; i < n;) {
        token t = {{0, 1}, 0, -1};
        if (HAS(s[i], WORD | MARKS)) {
            i = F(token_at)(k, s, n, i, marked, &t);
            if (i < 0) return 1;
        } else if (IS_MARK(s[i])) t.party = (int32_t)(s[i++] - MARK_OF(0));
        else { i++; continue; }
        if (t.party >= 0) t.name = k->party_names[t.party];
        if (take_token(k, t)) return -1;
    }
    return 0;
}

/* the tokens of a sentence that is plain, in `a`; `b` is room for the same */
static int F(read_tokens)(Kernel *k, LETTERS *a, LETTERS *b, int apostrophe)
{
    LETTERS *swap;
    if (!apostrophe && !k->odd_phrases) {
        int found = F(take_tokens)(k, a->at, a->n, 0);
        if (found <= 0) return found;
    }
    if (apostrophe) {
        if (make_room(&b->at, &b->room, 2 * a->n + 1, sizeof(LETTER))) return -1;
        b->n = F(split_not)(k, a->at, a->n, b->at);
        swap = a; a = b; b = swap;
    }
    if (F(possible_phrases)(k, a->at, a->n)) {
        for (Py_ssize_t j = 0; j < k->phrase_count; j++) {
            if (!(k->wanted[j >> 6] >> (j & 63) & 1)) continue;
            if (make_room(&b->at, &b->room, a->n + 3, sizeof(LETTER))) return -1;
            b->n = F(mark_phrase)(k, &k->phrases[j], a->at, a->n, b->at);
            swap = a; a = b; b = swap;
        }
    }
    if (apostrophe) {
        if (make_room(&b->at, &b->room, a->n + 1, sizeof(LETTER))) return -1;
        b->n = F(drop_possessive)(k, a->at, a->n, b->at);
        swap = a; a = b; b = swap;
    }
    return F(take_tokens)(k, a->at, a->n, 1);
}
#undef LETTER
#undef LETTERS
#undef F
#undef HAS
#undef VALUE
#undef LETTER_OF
#undef PHRASE
#undef IS_MARK
#undef MARK_OF
