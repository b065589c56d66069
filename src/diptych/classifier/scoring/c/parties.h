/* Tokens → the terms around parties (parties.py) and the votes of sentences (shares.py). */
static int take_token(Kernel *k, token t)
{
    if (t.party >= 0 && k->tokens.n) {
        if (k->tokens.at[k->tokens.n - 1].party == t.party) return 0;
        if (k->tokens.n > 1 && k->tokens.at[k->tokens.n - 1].party == -2 && k->tokens.at[k->tokens.n - 2].party >= 0 && k->tokens.at[k->tokens.n - 2].party != t.party) {
            k->tokens.n -= 2;
            t.party = k->joint;
            t.name = k->party_names[k->joint];
        }
    }
    if (k->tokens.n == k->tokens.room && make_room(&k->tokens.at, &k->tokens.room, k->tokens.n + 1, sizeof(token))) return -1;
    k->tokens.at[k->tokens.n++] = t;
    return 0;
}


/* terms around parties: parties.py */

static hashed T_CONTRAST, T_WITHOUT, T_BEGINS, T_NAMES, T_ELSEWHERE, T_VIEW, T_VIEW_OF, T_HOLDS, T_CLOSE, T_TOWARDS, T_VALUE, T_NOT,
    T_BETWEEN, T_THIRD, T_OFFICE, T_THIRD_PARTY;
static hashed CLASS_NAMES[7]; /* see … disfavour, by their bit */

static int emit(Kernel *k, hashed term) { return put(&k->around, term.h); }

static int attitude(Kernel *k, Py_ssize_t i, int bit, uint64_t *holders)
{
    const token *t = k->tokens.at;
    Py_ssize_t n = k->tokens.n;
    hashed name = CLASS_NAMES[bit];
    if ((1u << bit) & ATTITUDES) {
        for (Py_ssize_t j = i - 1; j >= 0 && j > i - HOLDER; j--) {
            int party = t[j].party >= 0;
            if (!party && !(t[j].classes & THIRD)) continue;
            hashed holder = party ? t[j].name : T_THIRD_PARTY;
            hashed said = joined(joined(holder, blank), name);
            if (emit(k, joined(T_HOLDS, said))) return -1;
            if (i - j <= 2 && party && emit(k, joined(T_CLOSE, said))) return -1;
            *holders |= 1ULL << (party ? t[j].party : NOBODY);
            break;
        }
        for (Py_ssize_t j = i + 1; j < n && j < i + OBJECT; j++) {
            if (t[j].party < 0) continue;
            return emit(k, joined(joined(joined(T_TOWARDS, name), blank), t[j].name));
        }
        return 0;
    }
    hashed said = T_VALUE;
    for (Py_ssize_t j = i < 4 ? 0 : i - 4; j < i; j++)
        if (t[j].classes & NEGATION) { said = joined(T_VALUE, T_NOT); break; }
    said = joined(said, name);
    uint64_t named = 0;
    int third = 0;
    Py_ssize_t last = i + NEAR + 1 < n ? i + NEAR + 1 : n;
    for (Py_ssize_t j = i < NEAR ? 0 : i - NEAR; j < last; j++) {
        if (t[j].party >= 0) named |= 1ULL << t[j].party;
        third |= (t[j].classes & THIRD) != 0;
    }
    if (emit(k, said)) return -1;
    int count = 0;
    for (uint64_t left = named; left; left &= left - 1) {
        int p = __builtin_ctzll(left);
        count++;
        if (emit(k, joined(joined(said, blank), k->party_names[p]))) return -1;
    }
    if ((count > 1 || named >> k->joint & 1) && emit(k, joined(said, T_BETWEEN))) return -1;
    return named && third ? emit(k, joined(said, T_THIRD)) : 0;
}

static int office(Kernel *k, Py_ssize_t i, uint64_t *holders)
{
    static const int steps[] = {-1, -2, 1, 2, 3};
    for (int s = 0; s < 5; s++) {
        Py_ssize_t j = i + steps[s];
        if (j < 0 || j >= k->tokens.n || k->tokens.at[j].party < 0) continue;
        *holders |= 1ULL << k->tokens.at[j].party;
        return emit(k, joined(T_OFFICE, k->tokens.at[j].name));
    }
    return 0;
}

static int around_party(Kernel *k, Py_ssize_t i)
{
    const token *t = k->tokens.at;
    Py_ssize_t n = k->tokens.n;
    for (Py_ssize_t start = i < LONGEST - 1 ? 0 : i - LONGEST + 1; start <= i; start++) {
        hashed run = t[start].name;
        Py_ssize_t last = start + LONGEST < n ? start + LONGEST : n;
        for (Py_ssize_t end = start + 1; end < last; end++) {
            run = joined(joined(run, blank), t[end].name);
            if (end >= i && emit(k, run)) return -1;
        }
    }
    for (Py_ssize_t j = i + 1; j < n && j <= i + SKIP; j++)
        if (emit(k, joined(joined(t[i].name, gap), t[j].name))) return -1;
    for (Py_ssize_t j = i < SKIP ? 0 : i - SKIP; j < i; j++)
        if (emit(k, joined(joined(t[j].name, gap), t[i].name))) return -1;
    return 0;
}

static int read_parties(Kernel *k)
{
    const token *t = k->tokens.at;
    Py_ssize_t n = k->tokens.n, first = -1;
    uint64_t named = 0, holders = 0;
    uint32_t every = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        every |= t[i].classes;
        if (t[i].party < 0) continue;
        if (first < 0) first = i;
        named |= 1ULL << t[i].party;
    }
    if (every & CONTRAST && emit(k, T_CONTRAST)) return -1;
    if (first < 0) {
        if (emit(k, T_WITHOUT)) return -1;
    } else {
        if (emit(k, joined(T_BEGINS, t[first].name))) return -1;
        hashed names = T_NAMES;
        for (int r = 0, any = 0; r < k->parties; r++) {
            int p = k->rank[r];
            if (!(named >> p & 1)) continue;
            if (any++) names = joined(names, blank);
            names = joined(names, k->party_names[p]);
        }
        if (emit(k, names)) return -1;
        for (Py_ssize_t i = 0; i < first; i++)
            if (t[i].classes & THIRD) {
                if (emit(k, joined(T_ELSEWHERE, t[first].name))) return -1;
                break;
            }
    }
    if (every)
        for (Py_ssize_t i = 0; i < n; i++) {
            for (int bit = 0; bit < 7; bit++)
                if (t[i].classes >> bit & 1 && attitude(k, i, bit, &holders)) return -1;
            if (t[i].classes & OFFICE && office(k, i, &holders)) return -1;
        }
    for (uint64_t left = holders; left; left &= left - 1) {
        int p = __builtin_ctzll(left);
        if (emit(k, joined(T_VIEW_OF, p == NOBODY ? T_THIRD_PARTY : k->party_names[p]))) return -1;
    }
    if (holders && emit(k, T_VIEW)) return -1;
    if (first >= 0) {
        hashed side = t[first].name;
        for (Py_ssize_t i = first; i < n; i++) {
            if (t[i].party >= 0) {
                side = t[i].name;
                if (around_party(k, i)) return -1;
            } else if (put(&k->sides, joined(joined(side, side_mark), t[i].name).h)) return -1;
        }
    }
    return 0;
}

/* votes: shares.py */

static void vote(Kernel *k)
{
    const token *t = k->tokens.at;
    Py_ssize_t n = k->tokens.n;
    int first = -1, count = 0, side = -1;
    uint64_t named = 0, holders = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (t[i].party < 0) continue;
        k->mentions[t[i].party]++;
        if (first < 0) first = t[i].party;
        if (!(named >> t[i].party & 1)) count++;
        named |= 1ULL << t[i].party;
    }
    int several = count > 1 || named >> k->joint & 1;
    if (!named) k->votes_none++;
    else {
        k->any_party = 1;
        if (several) k->votes_several++;
        else k->named[first]++;
        k->firsts[first]++;
    }
    int where = several ? 0 : named ? 1 : 2;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (t[i].party >= 0) side = t[i].party;
        if (t[i].classes & THIRD) side = NOBODY;
        if (side >= 0 && t[i].classes & ATTITUDES) holders |= 1ULL << side;
        if (t[i].classes & FAVOUR) k->signs[0][where]++;
        if (t[i].classes & DISFAVOUR) k->signs[1][where]++;
    }
    for (uint64_t left = holders; left; left &= left - 1) k->views[__builtin_ctzll(left)]++;
    if (!holders) k->nobody++;
}

static double part(const Kernel *k, Py_ssize_t votes) { return votes ? sqrt((double)votes / (double)k->sentences) : 0.0; }

static void shares_of(const Kernel *k, double *out)
{
    int everyone[NOBODY], n = 0;
    Py_ssize_t total = 1, d = 0;
    everyone[n++] = k->joint;
    for (int i = 0; i < k->owns; i++) everyone[n++] = k->own[i];
    for (int p = 0; p < k->parties; p++) total += k->mentions[p];
    out[d++] = part(k, k->votes_none);
    out[d++] = part(k, k->votes_several);
    for (int i = 0; i < k->owns; i++) out[d++] = part(k, k->named[k->own[i]]);
    for (int i = 0; i < n; i++) out[d++] = part(k, k->firsts[everyone[i]]);
    for (int i = 0; i < n; i++) out[d++] = part(k, k->views[everyone[i]]);
    out[d++] = part(k, k->views[NOBODY]);
    out[d++] = part(k, k->nobody);
    for (int s = 0; s < 2; s++)
        for (int w = 0; w < 3; w++) out[d++] = part(k, k->signs[s][w]);
    for (int i = 0; i < n; i++) out[d++] = (double)k->mentions[everyone[i]] / (double)total;
    for (int i = 0; i < n; i++) out[d++] = log1p((double)k->mentions[everyone[i]]);
    out[d++] = log1p((double)k->sentences);
}

