/* A Step by Step Backpropagation Example
   Written by chalkgrad from the network's own steps; the formula of each stands over its loops. */
#include <math.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* OpenMP's, where -fopenmp-simd is not given */

typedef double real;
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


#define BATCH 1 /* the most samples in a step */
#define PARTS 1 /* into so many a batch is split, whoever computes them */
#define CHUNK 1 /* samples that are taken together */
#define CHUNK_SIZE 64 /* numbers that these need, for each thread */
#define PART_SIZE 96 /* numbers of a part's sums */
#define OWN_SIZE 64 /* numbers that each thread computes for itself */
#define NUMBERS 2

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
    const real *x;
    const real *y;
    const real **rows_of_x; /* each thread's: where the samples' rows begin */
    const real **rows_of_y; /* each thread's: where the samples' rows begin */
    volatile int stop;    /* somebody asks for an end */
    int halt, stopped, waiting, turn;
    int64_t late;         /* how often somebody had to wait for milliseconds */
} Training;
#define wait_for_all(T, threads) ((void)(T), (void)(threads)) /* there is one thread */

static ALWAYS void rows_1(const Training *T, int thread, int part, int64_t first, int64_t end, int N) {
    (void)T, (void)thread, (void)part, (void)first, (void)end, (void)N;
    const real k1 = (real)((((1.0 / N) * 2.0) * 0.5));
    double *const L_part = T->part_numbers + part * NUMBERS + 0;
    real *const dW2_part = T->part + part * PART_SIZE + 0;
    real *const dW1_part = T->part + part * PART_SIZE + 16;
    *L_part = 0;
    memset(dW2_part, 0, 4 * sizeof *dW2_part);
    memset(dW1_part, 0, 4 * sizeof *dW1_part);
    for (int64_t begin = first; begin < end; begin += CHUNK) {
        const int rows = (int)least(CHUNK, end - begin);
        real *const b1 = T->carried + 16;
        const real *const *const x = T->rows_of_x + thread * BATCH + begin;
        real *const W1 = T->carried + 0;
        ALIGNED real z1[2] = {0};
        ALIGNED real a1[2] = {0};
        real *const b2 = T->carried + 48;
        real *const W2 = T->carried + 32;
        ALIGNED real z2[2] = {0};
        ALIGNED real y_hat[2] = {0};
        const real *const *const y = T->rows_of_y + thread * BATCH + begin;
        ALIGNED real l[1] = {0};
        ALIGNED real dy_hat[2] = {0};
        ALIGNED real dz2[2] = {0};
        ALIGNED real da1[2] = {0};
        ALIGNED real dz1[2] = {0};
        for (int n = 0; n < rows; n++) {
            /* z1[n,o] = sum_i x[n,i] * W1[i,o] + b1[o] */
            for (int o = 0; o < 2; o++) {
                real t1 = 0;
                EACH(i, 2) t1 += x[n][i] * W1[i * 2 + o];
                z1[n * 2 + o] = t1 + b1[o];
            }
            /* a1[...] = 1 / (1 + exp(-z1[...])) */
            for (int i = 0; i < 2; i++) a1[n * 2 + i] = (real)1.0 / ((real)1.0 + real_exp(-z1[n * 2 + i]));
            /* z2[n,o] = sum_i a1[n,i] * W2[i,o] + b2[o] */
            for (int o = 0; o < 2; o++) {
                real t2 = 0;
                EACH(i, 2) t2 += a1[n * 2 + i] * W2[i * 2 + o];
                z2[n * 2 + o] = t2 + b2[o];
            }
            /* y_hat[...] = 1 / (1 + exp(-z2[...])) */
            for (int i = 0; i < 2; i++) y_hat[n * 2 + i] = (real)1.0 / ((real)1.0 + real_exp(-z2[n * 2 + i]));
            /* l[n] = scale * sum_{...} (y_hat[n,...] - y[n,...])^2 */
            real t3 = 0;
            EACH(i, 2) t3 += real_square(y_hat[n * 2 + i] - y[n][i]);
            l[n] = (real)0.5 * t3;
            /* L = mean_n l[n] */
            L_part[0] += l[n];
            /* dy_hat[n,...] = dl[n] * 2 * scale * (y_hat[n,...] - y[n,...]) */
            /* dz2[...] = dy_hat[...] * y_hat[...] * (1 - y_hat[...]) */
            for (int i = 0; i < 2; i++) {
                dy_hat[n * 2 + i] = k1 * (y_hat[n * 2 + i] - y[n][i]);
                dz2[n * 2 + i] = dy_hat[n * 2 + i] * y_hat[n * 2 + i] * ((real)1.0 - y_hat[n * 2 + i]);
            }
            /* dW2[i,o] = sum_n a1[n,i] * dz2[n,o] */
            for (int i = 0; i < 2; i++) for (int o = 0; o < 2; o++) dW2_part[i * 2 + o] += a1[n * 2 + i] * dz2[n * 2 + o];
            /* da1[n,i] = sum_o dz2[n,o] * W2[i,o] */
            /* dz1[...] = da1[...] * a1[...] * (1 - a1[...]) */
            for (int i = 0; i < 2; i++) {
                real t4 = 0;
                EACH(o, 2) t4 += dz2[n * 2 + o] * W2[i * 2 + o];
                da1[n * 2 + i] = t4;
                dz1[n * 2 + i] = da1[n * 2 + i] * a1[n * 2 + i] * ((real)1.0 - a1[n * 2 + i]);
            }
            /* dW1[i,o] = sum_n x[n,i] * dz1[n,o] */
            for (int i = 0; i < 2; i++) for (int o = 0; o < 2; o++) dW1_part[i * 2 + o] += x[n][i] * dz1[n * 2 + o];
        }
    }
}

static ALWAYS void report_2(const Training *T, int thread, int64_t N) {
    (void)T, (void)thread, (void)N;
    const real k1 = (real)((1.0 / (N * 1.0)));
    double *const L = T->numbers + thread * NUMBERS + 1;
    {
        /* L = mean_n l[n] */
        double t1 = 0;
        for (int at = 0; at < PARTS; at++) t1 += T->part_numbers[at * NUMBERS + 0];
        L[0] = (real)t1 * k1;
    }
}

static ALWAYS void update_3(const Training *T, int thread, int part, int64_t N) {
    (void)T, (void)thread, (void)part, (void)N;
    const real k1 = (real)(T->rate);
    real *const dW1_part = T->part + 16;
    real *const W1 = T->carried + 0;
    real *const dW2_part = T->part + 0;
    real *const W2 = T->carried + 32;
    if (part == 0) {
        const int first = 0, last = 4;
        /* dW1[i,o] = sum_n x[n,i] * dz1[n,o] */
        /* W1_new[...] = W1[...] - lr * dW1[...] */
        for (int at = 1; at < PARTS; at++) {
            SIMD
            for (int k = first; k < last; k++) dW1_part[k] += dW1_part[at * PART_SIZE + k];
        }
        SIMD
        for (int k = first; k < last; k++) {
            const real dW1_ = dW1_part[k];
            const real W1_new = W1[k] - k1 * dW1_;
            W1[k] = W1_new;
        }
    }
    if (part == 0) {
        const int first = 0, last = 4;
        /* dW2[i,o] = sum_n a1[n,i] * dz2[n,o] */
        /* W2_new[...] = W2[...] - lr * dW2[...] */
        for (int at = 1; at < PARTS; at++) {
            SIMD
            for (int k = first; k < last; k++) dW2_part[k] += dW2_part[at * PART_SIZE + k];
        }
        SIMD
        for (int k = first; k < last; k++) {
            const real dW2_ = dW2_part[k];
            const real W2_new = W2[k] - k1 * dW2_;
            W2[k] = W2_new;
        }
    }
}

/* keeps a step's loss; returns 0 where it ends the training */
static int report(Training *T, int thread, double loss, double data_loss) {
    if (thread == 0) {
        T->losses[T->done] = loss;
        T->data_losses[T->done] = data_loss;
    }
    return loss - loss == 0 && !(loss < T->stop_below);
}
/* one step: N samples from `order` on; returns 0 where the training has to stop before the update */
static int step(Training *T, int thread, int threads, const int64_t *order, int64_t N) {
    for (int64_t k = 0; k < N; k++) {
        const int64_t row = order[k];
        T->rows_of_x[thread * BATCH + k] = T->x + row * 2;
        T->rows_of_y[thread * BATCH + k] = T->y + row * 2;
    }
    for (int part = thread; part < PARTS; part += threads) {
        const int64_t first = least(N, (N + 3) / 4 * part / PARTS * 4);
        const int64_t end = least(N, (N + 3) / 4 * (part + 1) / PARTS * 4);
        rows_1(T, thread, part, first, end, (int)N);
    }
    wait_for_all(T, threads);
    report_2(T, thread, N);
    if (!report(T, thread, T->numbers[thread * NUMBERS + 1], T->numbers[thread * NUMBERS + 1])) return 0;
    for (int part = thread; part < PARTS; part += threads) update_3(T, thread, part, N);
    wait_for_all(T, threads);
    return 1;
}

/* W1 from 0, b1 from 16, W2 from 32, b2 from 48 */
static real carried[128] = {
    0.14999999999999999, 0.25, 0.20000000000000001, 0.29999999999999999, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.34999999999999998, 0.34999999999999998, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.40000000000000002, 0.5, 0.45000000000000001, 0.55000000000000004, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.59999999999999998, 0.59999999999999998, 0.0};
static const real x[2] = {
    0.050000000000000003, 0.10000000000000001};
static const real y[2] = {
    0.01, 0.98999999999999999};
static const int64_t samples = 1;

int main(void) {
    static Training T;
    static real batch[64];
    static real chunk[64];
    static real part[96];
    static real own[64];
    static double numbers[NUMBERS];
    static double part_numbers[NUMBERS];
    static const real *rows_of_x[BATCH];
    static const real *rows_of_y[BATCH];
    T.carried = carried, T.batch = batch, T.chunk = chunk, T.part = part, T.own = own;
    T.numbers = numbers, T.part_numbers = part_numbers;
    T.x = x, T.rows_of_x = rows_of_x;
    T.y = y, T.rows_of_y = rows_of_y;
    static int64_t order[sizeof x / sizeof *x];
    for (int64_t k = 0; k < samples; k++)
        order[k] = k;
    double loss = 0, predicted = 0;
    T.rate = 0.5, T.losses = &loss, T.data_losses = &predicted;
    for (int64_t s = 0; s <= 2; s++) {
        const int64_t N = least(BATCH, samples - T.at);
        T.t = (double)(s + 1), T.clock = (double)(s + 1);
        T.stop_below = s < 2 ? -INFINITY : INFINITY; /* the last loss is not followed by an update */
        const int going = step(&T, 0, 1, order + T.at, N);
        printf("step %lld: L = %.17g\n", (long long)s, loss);
        if (!going)
            break;
        T.at = T.at + N == samples ? 0 : T.at + N;
    }
    if (fflush(stdout) || ferror(stdout)) {
        perror("standard output");
        return 1;
    }
    return 0;
}
