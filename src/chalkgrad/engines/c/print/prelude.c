/// base
#define EACH(k, count) _Pragma("GCC unroll 32") for (int k = 0; k < (count); k++)
#define SIMD _Pragma("omp simd")
#define ALWAYS __attribute__((always_inline, unused)) inline
#define ALIGNED __attribute__((aligned(64))) /* GCC 12 reads a local array by whole vectors as if it were */
static ALWAYS int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static ALWAYS real real_abs(real a) { return a < 0 ? -a : a; }
static ALWAYS real real_max(real a, real b) { return a < b ? b : a; } /* a, where that is NaN */
static ALWAYS real real_min(real a, real b) { return a > b ? b : a; }
static ALWAYS real real_sign(real a) { return (real)(a > 0) - (real)(a < 0); }
static ALWAYS real real_square(real a) { return a * a; }
static ALWAYS real real_cube(real a) { return a * a * a; }
/// float
static ALWAYS float real_sqrt(float a) { return sqrtf(a); }
static ALWAYS float real_pow(float a, float b) { return powf(a, b); }
/* e^a = 2^k e^r with |r| <= log(2) / 2, by its Taylor polynomial; without branches, so that it can be vectorised */
static ALWAYS float real_exp(float a) {
    float b = a < -104.0f ? -104.0f : a > 89.0f ? 89.0f : a;
    union { float value; int32_t bits; } u = {b * 1.44269504088896341f + 12582912.0f};
    float k = u.value - 12582912.0f; /* rounded to a whole number */
    float r = (b - k * 0.693359375f) + k * 2.12194440054690583e-4f;
    float p = 1.0f + r * (1.0f + r * (0.5f + r * (1.66666666667e-1f + r * (4.16666666667e-2f
            + r * (8.33333333333e-3f + r * (1.38888888889e-3f + r * 1.98412698413e-4f))))));
    int32_t whole = u.bits - 0x4b400000, half = whole >> 1, rest = whole - half; /* 2^k may be subnormal: two factors */
    union { int32_t bits; float value; } one = {(int32_t)((uint32_t)(half + 127) << 23)};
    union { int32_t bits; float value; } two = {(int32_t)((uint32_t)(rest + 127) << 23)};
    float e = p * one.value * two.value;
    return a > 88.8f ? INFINITY : a != a ? a : e;
}
/* erf near 0 by its Taylor series, for |a| < 1/2 */
static ALWAYS float real_erf_near(float a) {
    float z = a * a;
    return a * (1.12837917f + z * (-0.376126389f + z * (0.112837917f
            + z * (-0.0268661706f + z * (0.00522397762f + z * -0.000854832701f)))));
}
/* erfc(b) = t e^(-b^2) q(s) with t = 1 / (1 + b / 2), s = t from -1 to 1 for b from 6 to 1/2, where q is the Chebyshev
   interpolation of degree 8; beyond 6 it is still good to 1e-6 of the value, until that is 0 */
static ALWAYS float real_erfc_far(float b) {
    float t = 1.0f / (1.0f + 0.5f * b), s = (t - 0.525f) * 3.63636364f;
    float q = 0.5283219193f + s * (0.1967268205f + s * (0.04304694938f + s * (0.002660845083f + s * (-0.001052765944f
            + s * (-0.0001387609171f + s * (4.594028766e-5f + s * (4.424848815e-6f + s * -2.442822114e-6f)))))));
    return t * real_exp(-b * b) * q;
}
static ALWAYS float real_log(float a) {
    union { float value; int32_t bits; } u = {a < 1.17549435e-38f ? a * 8388608.0f : a};
    int32_t shift = a < 1.17549435e-38f ? 23 : 0;
    int32_t k = (u.bits - 0x3f3504f3) >> 23; /* the mantissa between sqrt(1/2) and sqrt(2) */
    u.bits -= (int32_t)((uint32_t)k << 23);
    float f = u.value - 1.0f, s = f / (2.0f + f), z = s * s; /* log(1 + f) = 2 artanh(s) */
    float p = z * (0.666666666667f + z * (0.4f + z * (0.285714285714f + z * (0.222222222222f + z * 0.181818181818f))));
    float n = (float)(k - shift), h = 0.5f * f * f;
    float e = n * 0.693145751953125f - ((h - (s * (h + p) + n * 1.42860682030941723212e-6f)) - f);
    return a > 0 ? (a < INFINITY ? e : a) : a == 0 ? -INFINITY : NAN;
}
/// double
static ALWAYS double real_sqrt(double a) { return sqrt(a); }
static ALWAYS double real_pow(double a, double b) { return pow(a, b); }
/* e^a = 2^k e^r with |r| <= log(2) / 2, by its Taylor polynomial; without branches, so that it can be vectorised */
static ALWAYS double real_exp(double a) {
    double b = a < -746.0 ? -746.0 : a > 710.0 ? 710.0 : a;
    union { double value; int64_t bits; } u = {b * 1.4426950408889634074 + 6755399441055744.0};
    double k = u.value - 6755399441055744.0; /* rounded to a whole number */
    double r = (b - k * 0.69314718036912381649) - k * 1.9082149292705877e-10;
    double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4; /* in pairs, which wait less for each other */
    double low = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
    double mid = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
    double high = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
    double p = 1.0 + (r + r2 * (low + r4 * mid + r8 * high));
    int64_t whole = u.bits - 0x4338000000000000, half = whole >> 1, rest = whole - half;
    union { int64_t bits; double value; } one = {(int64_t)((uint64_t)(half + 1023) << 52)};
    union { int64_t bits; double value; } two = {(int64_t)((uint64_t)(rest + 1023) << 52)};
    double e = p * one.value * two.value;
    return a > 709.782712893384 ? INFINITY : a != a ? a : e;
}
static ALWAYS double real_erf_near(double a) {
    double z = a * a, r = 1.12837916709551257390; /* 2 / sqrt(pi) */
    return a * r * (1 + z * (-1.0 / 3 + z * (1.0 / 10 + z * (-1.0 / 42 + z * (1.0 / 216 + z * (-1.0 / 1320
                + z * (1.0 / 9360 + z * (-1.0 / 75600 + z * (1.0 / 685440 + z * (-1.0 / 6894720
                + z * (1.0 / 76204800 + z * (-1.0 / 918086400 + z * (1.0 / 11975040000)))))))))))));
}
/* as for float, of degree 16 */
static ALWAYS double real_erfc_far(double b) {
    double t = 1.0 / (1.0 + 0.5 * b), s = (t - 0.525) * (1.0 / 0.275);
    double q = 0.528321919277789428 + s * (0.196726821082705176 + s * (0.0430469544523376105
             + s * (0.00266083683536854635 + s * (-0.00105283376179009409 + s * (-0.00013872281034586555
             + s * (0.0000461861741256001517 + s * (4.34704494502643295e-6 + s * (-2.77600470088501349e-6
             + s * (7.51729599035866953e-8 + s * (1.55378101839388122e-7 + s * (-3.07349454856225821e-8
             + s * (-4.4909960836079146e-9 + s * (3.07826122412180152e-9 + s * (-3.52519863811458211e-10
             + s * (-1.49446557572679308e-10 + s * 4.93078850141521927e-11)))))))))))))));
    return t * real_exp(-b * b) * q;
}
static ALWAYS double real_log(double a) {
    union { double value; int64_t bits; } u = {a < 2.2250738585072014e-308 ? a * 18014398509481984.0 : a};
    int64_t shift = a < 2.2250738585072014e-308 ? 54 : 0;
    int64_t k = (u.bits - 0x3fe6a09e667f3bcd) >> 52; /* the mantissa between sqrt(1/2) and sqrt(2) */
    u.bits -= (int64_t)((uint64_t)k << 52);
    double f = u.value - 1.0, s = f / (2.0 + f), z = s * s; /* log(1 + f) = 2 artanh(s) */
    double p = z * (2.0 / 3 + z * (2.0 / 5 + z * (2.0 / 7 + z * (2.0 / 9 + z * (2.0 / 11 + z * (2.0 / 13
             + z * (2.0 / 15 + z * (2.0 / 17 + z * (2.0 / 19 + z * (2.0 / 21))))))))));
    double n = (double)(k - shift), h = 0.5 * f * f;
    double e = n * 6.93147180369123816490e-01 - ((h - (s * (h + p) + n * 1.90821492927058770002e-10)) - f);
    return a > 0 ? (a < INFINITY ? e : a) : a == 0 ? -INFINITY : NAN;
}
/// functions
static ALWAYS real real_power_1_5(real a) { return a * real_sqrt(a); }
/* e^a - 1; near 0 by the Taylor series, where the difference would lose its digits */
static ALWAYS real real_expm1(real a) {
    real p = a * (1 + a * ((real)(1.0 / 2) + a * ((real)(1.0 / 6) + a * ((real)(1.0 / 24) + a * ((real)(1.0 / 120)
           + a * ((real)(1.0 / 720) + a * ((real)(1.0 / 5040) + a * ((real)(1.0 / 40320) + a * ((real)(1.0 / 362880)
           + a * ((real)(1.0 / 3628800) + a * (real)(1.0 / 39916800)))))))))));
    real e = real_exp(a) - 1;
    return real_abs(a) < (real)0.25 ? p : e;
}
static ALWAYS real real_erf(real a) {
    real b = real_abs(a), far = 1 - real_erfc_far(b > 6 ? 6 : b);
    return b < (real)0.5 ? real_erf_near(a) : a < 0 ? -far : far;
}
/* 1 - erf(a), of which large a leave something */
static ALWAYS real real_erfc(real a) {
    real b = real_abs(a), far = real_erfc_far(b > 28 ? 28 : b);
    return b < (real)0.5 ? 1 - real_erf_near(a) : a < 0 ? 2 - far : far;
}
/* tanh(a) = (1 - t) / (1 + t) with t = e^(-2|a|) */
static ALWAYS real real_tanh(real a) {
    real t = real_expm1(-2 * real_abs(a)), b = -t / (2 + t);
    return a < 0 ? -b : b;
}
/* log(1 + e^a) = max(a, 0) + log(1 + t) with t = e^(-|a|); log(1 + t) keeps the digits that 1 + t loses */
static ALWAYS real real_softplus(real a) {
    real t = real_exp(-real_abs(a)), u = 1 + t, d = u - 1;
    real g = d == 0 ? t : real_log(u) * (t / d);
    return (a > 0 || a != a ? a : 0) + g;
}
/// bytes
/* byte b stands for b / 255, rounded to float; the product of doubles, which takes less time, rounds to the same for all
   256 of them, but where a double is wanted GCC leaves the rounding out for what is no whole vector */
static ALWAYS void read_bytes(real *restrict to, const uint8_t *restrict from, int size) {
    SIMD
    for (int k = 0; k < size; k++) {
        to[k] = sizeof(real) == sizeof(float) ? (real)(from[k] * (1.0 / 255)) : (real)((float)from[k] / 255.0f);
    }
}
/// classes
/* class c of a step stands for a row of zeros with a 1 at c; -1 for zeros alone */
static ALWAYS void read_classes(real *restrict to, const int32_t *restrict from, int steps, int classes) {
    memset(to, 0, (size_t)steps * classes * sizeof *to);
    for (int t = 0; t < steps; t++) {
        if (from[t] >= 0)
            to[t * classes + from[t]] = 1;
    }
}
/// nonzero
/* adds to `found` which elements of four samples are not 0 */
static ALWAYS void find_in_four(uint32_t *restrict found, const real *restrict a, const real *restrict b,
                                const real *restrict c, const real *restrict d, int n, int size) {
    SIMD
    for (int i = 0; i < size; i++) {
        const uint32_t low = (uint32_t)(a[i] != 0) | (uint32_t)(b[i] != 0) << 1;
        const uint32_t high = (uint32_t)(c[i] != 0) << 2 | (uint32_t)(d[i] != 0) << 3;
        found[i] |= (low | high) << n;
    }
}
static ALWAYS void find_in_one(uint32_t *restrict found, const real *restrict a, int n, int size) {
    SIMD
    for (int i = 0; i < size; i++) found[i] |= (uint32_t)(a[i] != 0) << n;
}
/* which of up to 32 samples are not 0: bit n of found[i] says it of element i of sample n; there are `all` words */
static void find_nonzero(uint32_t *found, const real *const *x, int rows, int size, int all) {
    memset(found, 0, (size_t)all * sizeof *found);
    int n = 0;
    for (; n + 4 <= rows; n += 4) find_in_four(found, x[n], x[n + 1], x[n + 2], x[n + 3], n, size);
    for (; n < rows; n++) find_in_one(found, x[n], n, size);
}
/// mask
#define ABREAST 4 /* counters at a time: the rounds of one have to wait for each other */
/* Philox 4x64-10 (Salmon et al., 2011): eight 32-bit numbers for every counter, in the order of NumPy's generator */
__extension__ typedef unsigned __int128 wide;
static void philox(uint64_t counter, uint64_t clock, uint64_t seed, uint64_t layer, uint32_t drawn[8 * ABREAST]) {
    uint64_t a[ABREAST], b[ABREAST], c[ABREAST], d[ABREAST], key = seed, other = layer;
    EACH(j, ABREAST) a[j] = counter + (uint64_t)j, b[j] = 0, c[j] = clock, d[j] = 0;
    for (int round = 0; round < 10; round++) {
        EACH(j, ABREAST) {
            const wide one = (wide)a[j] * 0xD2E7470EE14C6C93u, two = (wide)c[j] * 0xCA5A826395121157u;
            a[j] = (uint64_t)(two >> 64) ^ b[j] ^ key, b[j] = (uint64_t)two;
            c[j] = (uint64_t)(one >> 64) ^ d[j] ^ other, d[j] = (uint64_t)one;
        }
        key += 0x9E3779B97F4A7C15u, other += 0xBB67AE8584CAA73Bu;
    }
    EACH(j, ABREAST) {
        const uint64_t four[4] = {a[j], b[j], c[j], d[j]};
        EACH(k, 8) drawn[8 * j + k] = (uint32_t)(four[k / 2] >> (k % 2 * 32));
    }
}
/* ones and zeros: a value is kept where its number reaches the threshold, rate times 2^32; `place` counts the values */
static void draw_mask(real *mask, int64_t size, int64_t place, uint64_t seed, uint64_t layer, uint64_t clock,
                      uint64_t threshold) {
    const uint32_t below = (uint32_t)(threshold - 1), always = threshold == 0;
    for (int64_t k = -(place % 8); k < size; k += 8 * ABREAST) {
        uint32_t drawn[8 * ABREAST];
        real kept[8 * ABREAST];
        philox((uint64_t)((place + k) / 8 + 1), clock, seed, layer, drawn);
        SIMD
        for (int at = 0; at < 8 * ABREAST; at++) kept[at] = (real)((drawn[at] > below) | always);
        const int64_t from = k < 0 ? -k : 0, until = least(8 * ABREAST, size - k);
        memcpy(mask + k + from, kept + from, (size_t)(until - from) * sizeof *mask);
    }
}
/// state
/* all that a call needs; times and places are those of the step that comes next */
typedef struct {
    const int64_t *order; /* the samples in the order in which they are taken */
    int64_t count;        /* samples in an epoch */
    int64_t between;      /* how far the epochs' orders lie apart: count, or 0 for one order for all */
    int64_t at;           /* samples of the epoch that are done */
    int64_t steps;        /* steps to make */
    int64_t done;         /* steps that were made */
    double clock, t;
    double rate;          /* the learning rate of this step */
    const double *rates;  /* of every step */
    double stop_below;    /* a loss below this ends the training */
    double *losses, *data_losses;
    real *carried, *batch, *chunk, *part, *own;
    double *numbers, *part_numbers;
/// state_end
    volatile int stop;    /* somebody asks for an end */
    int halt, stopped, waiting, turn;
    int64_t late;         /* how often somebody had to wait for milliseconds */
} Training;
/// wait
/* waits until all threads are here: for a while without a pause, then letting others have the processor */
static void wait_for_all(Training *T, int threads) {
    if (threads == 1)
        return;
    int turn = __atomic_load_n(&T->turn, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&T->waiting, 1, __ATOMIC_ACQ_REL) == threads) {
        __atomic_store_n(&T->waiting, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&T->turn, turn + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int k = 0; __atomic_load_n(&T->turn, __ATOMIC_ACQUIRE) == turn; k++) {
        if (k > SPINS)
            sched_yield();
        if (k == SPINS + 2000)
            __atomic_add_fetch(&T->late, 1, __ATOMIC_RELAXED);
    }
}
/// together
/* what is noted of one call, of which each thread is one */
typedef struct { int taken, here, left, ended; } Meeting;
#define NOBODY (-1000000) /* so many are here where nobody shall begin */
#define PATIENCE 1.0      /* seconds after which nobody waits for one that is missing */
static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
/* waits until all threads are here, and returns 1; or 0, to all of them, where one does not come */
static int all_here(Meeting *M, int threads) {
    int here = __atomic_add_fetch(&M->here, 1, __ATOMIC_ACQ_REL);
    for (int k = 0; k < SPINS && here >= 0 && here < threads; k++)
        here = __atomic_load_n(&M->here, __ATOMIC_ACQUIRE);
    for (double begun = seconds(); here >= 0 && here < threads; here = __atomic_load_n(&M->here, __ATOMIC_ACQUIRE)) {
        sched_yield();
        if (seconds() - begun > PATIENCE)
            __atomic_compare_exchange_n(&M->here, &here, NOBODY, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    return here >= 0;
}
/* calls `train` by all of so many threads together; returns 0 where not all came, and nothing was computed.
   Whoever comes as thread 0 while it is computed, or was, changes nothing. */
int together(Meeting *M, Training *T, int thread, int threads) {
    if (thread == 0 && __atomic_exchange_n(&M->taken, 1, __ATOMIC_ACQ_REL)) {
        if (threads > 1)
            __atomic_store_n(&M->here, NOBODY, __ATOMIC_RELEASE);
        return 1;
    }
    if (threads > 1 && !all_here(M, threads)) {
        if (thread == 0)
            __atomic_store_n(&M->taken, 0, __ATOMIC_RELEASE);
        return 0;
    }
    train(T, thread, threads);
    __atomic_add_fetch(&M->left, 1, __ATOMIC_ACQ_REL);
    if (thread == 0) {
        for (int k = 0; __atomic_load_n(&M->left, __ATOMIC_ACQUIRE) < threads; k++)
            if (k > SPINS)
                sched_yield(), k = SPINS;
        __atomic_store_n(&M->ended, 1, __ATOMIC_RELEASE);
    }
    return 1;
}
/// subnormals
/* numbers below the smallest normal one count as 0 while we compute: they would take a hundred times as long */
static uint64_t flush_subnormals(void) {
#if defined(__SSE__)
    uint32_t before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | 0x8040);
    return before;
#elif defined(__aarch64__)
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
    return before;
#else
    return 0;
#endif
}
static void restore(uint64_t before) {
#if defined(__SSE__)
    __builtin_ia32_ldmxcsr((uint32_t)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}
/// report
/* keeps a step's loss; returns 0 where it ends the training */
static int report(Training *T, int thread, double loss, double data_loss) {
    if (thread == 0) {
        T->losses[T->done] = loss;
        T->data_losses[T->done] = data_loss;
    }
    return loss - loss == 0 && !(loss < T->stop_below);
}
/// training
/* makes T->steps steps, or fewer where the loss ends the training or somebody asks for it */
void train(Training *T, int thread, int threads) {
    uint64_t before = flush_subnormals();
    int64_t at = T->at, steps = T->steps;
    const int64_t *order = T->order;
    for (int64_t s = 0; s < steps; s++) {
        const int64_t N = least(BATCH, T->count - at);
        if (thread == 0)
            T->rate = T->rates[s];
        wait_for_all(T, threads);
        if (T->halt)
            break;
        if (!STEP(T, thread, threads, order + at, N)) {
            if (thread == 0)
                T->stopped = 1;
            break;
        }
        at += N;
        if (at == T->count)
            at = 0, order += T->between;
        if (thread == 0) {
            T->done++, T->t++, T->clock++;
            T->halt = T->stop;
        }
    }
    if (thread == 0)
        T->at = at;
    wait_for_all(T, threads);
    restore(before);
}
/// prediction
/* goes through all samples, BATCH at a time; nobody has to wait for anybody */
void train(Training *T, int thread, int threads) {
    uint64_t before = flush_subnormals();
    Training own = *T;
    for (int64_t at = 0; at < T->count && !T->stop; at += BATCH) {
        own.at = at;
        step(&own, thread, threads, T->order + at, least(BATCH, T->count - at));
    }
    restore(before);
}
