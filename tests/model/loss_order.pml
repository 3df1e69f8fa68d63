/* SPDX-License-Identifier: MIT */
/* Can a reader that saw a session's fence move still read the status OK? (KMT-22, KMT-20, KMT-21) */

/*
 * The service stores the status in the slot of every process that holds the session, then the fence's value in the slot
 * of every process that holds the fence (src/dxgkrnl/session.c, fence.c). A store becomes visible to others some time
 * after it was made, and two stores in either order, with one exception: a release store becomes visible after every
 * store made before it. A client loads the value, then the status (src/kmt); loads may swap unless the first acquires.
 *
 * -DNO_RELEASE, -DNO_ACQUIRE, -DFENCE_FIRST: the same without what the argument rests on; each must be found wanting.
 */
#define PROCESSES 2
#define LOSSES 2

#define OK 0
#define INVALID 1

/* What others see. */
byte status[PROCESSES];
byte value[PROCESSES];

/* Stores that were made and are not visible yet: at most one a location, the newest (per-location order holds). */
bool status_waits[PROCESSES];
byte status_next[PROCESSES];
bool value_waits[PROCESSES];
byte value_next[PROCESSES];

/* How often the driver said OK again. Visible before the store that says so: it only ever excuses a reader more. */
byte recoveries;

inline store_status(p, s) {
	/* The earlier store to the same place goes first. */
	d_step { if :: status_waits[p] -> status[p] = status_next[p] :: else fi; status_next[p] = s; status_waits[p] = true }
}

inline store_value(p, v) {
	d_step { if :: value_waits[p] -> value[p] = value_next[p] :: else fi; value_next[p] = v; value_waits[p] = true }
}

/* A release store waits for the ones before it: as if they were flushed just then. */
inline release() {
#ifndef NO_RELEASE
	d_step {
		if :: status_waits[0] -> status[0] = status_next[0]; status_waits[0] = false :: else fi;
		if :: status_waits[1] -> status[1] = status_next[1]; status_waits[1] = false :: else fi;
		if :: value_waits[0] -> value[0] = value_next[0]; value_waits[0] = false :: else fi;
		if :: value_waits[1] -> value[1] = value_next[1]; value_waits[1] = false :: else fi
	}
#else
	skip
#endif
}

/* Makes pending stores visible, in any order. */
active proctype memory_system() {
end:	do
	:: atomic { status_waits[0] -> status[0] = status_next[0]; status_waits[0] = false }
	:: atomic { status_waits[1] -> status[1] = status_next[1]; status_waits[1] = false }
	:: atomic { value_waits[0] -> value[0] = value_next[0]; value_waits[0] = false }
	:: atomic { value_waits[1] -> value[1] = value_next[1]; value_waits[1] = false }
	od
}

active proctype service() {
	byte loss = 1;

	do
	:: loss <= LOSSES ->
#ifdef FENCE_FIRST
		release(); store_value(0, loss);
		release(); store_value(1, loss);
#endif
		store_status(0, INVALID);
		store_status(1, INVALID);
#ifndef FENCE_FIRST
		release(); store_value(0, loss);
		release(); store_value(1, loss);
#endif
		/* A new key exchange: the driver reports OK again. */
		if
		:: recoveries++; store_status(0, OK); store_status(1, OK)
		:: break
		fi;
		loss++
	:: else -> break
	od
}

/* One per client process: waits for the next value, then asks for the status. */
proctype client(byte p) {
	byte seen;
	byte asked;
	byte excuse;

#ifdef NO_ACQUIRE
	if
	:: asked = status[p]; seen = value[p]
	:: seen = value[p]; asked = status[p]
	fi;
#else
	seen = value[p];
	asked = status[p];
#endif
	/* The value counts losses: with no more recoveries than that minus one, the last loss still stands. */
	excuse = recoveries;
	assert(!(seen > excuse && asked == OK))
}

init {
	atomic { run client(0); run client(1) }
}
