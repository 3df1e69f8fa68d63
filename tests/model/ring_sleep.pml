/* SPDX-License-Identifier: MIT */
/* Can a command wait in a ring while all who could do it, or its client, sleep? */

/*
 * Two clients with a ring each, two engine workers (src/dxgkrnl/engine.c, lock.c). What the engine's lock guards is done
 * while it is held; what a ring's memory holds is read and written one step at a time, in sequentially consistent order.
 * Both rings' commands want the same, so that one is sent away while the other's transfer is under way, or while a request
 * has it (-DREQUEST: many more states). A worker spins for as long as it likes, and looks at the doorbells when it likes.
 *
 * An end in which a client has no answer is an error. -DNO_CLIENT_RECHECK, -DFLAG_FIRST, -DNO_RECHECK with -DCOMMANDS=2, and
 * -DNO_UNBLOCK_WAKE with -DREQUEST: the same without what the argument rests on; each must be found wanting.
 */
#define RINGS 2
#ifndef COMMANDS
#define COMMANDS 1
#endif

/* In the ring's memory. */
byte submitted[RINGS];
byte completed[RINGS];
bool service_sleeps[RINGS] = true;
bool client_sleeps[RINGS];

/* The system's. */
bool event[RINGS];	/* a doorbell that rang since somebody looked */
bool kick_event;
bool in_futex[RINGS];	/* the client */
bool in_wait[2];	/* the worker, on the condition */

/* The engine's. */
bool hot[RINGS];
bool is_taken[RINGS];
bool is_blocked[RINGS];
bool has_sentinel;
bool has_spinner;
bool is_kicked;
byte waiting;

bool engine_lock;
bool kernel_lock;
bool transfer;

inline lock() { atomic { !engine_lock -> engine_lock = true } }
inline unlock() { engine_lock = false }

inline wake_one() {
	if
	:: waiting > 0 ->
		/* One that waits, whichever; one that was woken already looks at everything. */
		d_step { if :: in_wait[0] -> in_wait[0] = false :: else -> in_wait[1] = false fi }
	:: else ->
		if
		:: has_sentinel && !is_kicked ->
			is_kicked = true;
			kick_event = true
		:: else
		fi
	fi
}

inline heat(r) { service_sleeps[r] = false; hot[r] = true }

inline take_events() {
	if :: event[0] -> event[0] = false; heat(0) :: else fi;
	if :: event[1] -> event[1] = false; heat(1) :: else fi
}

#define READY(r) (hot[r] && !is_taken[r] && !is_blocked[r] && submitted[r] != completed[r])

inline cool(r) {
	if
	:: hot[r] && !is_taken[r] && !is_blocked[r] ->
		service_sleeps[r] = true;
#ifndef NO_RECHECK
		if
		:: submitted[r] != completed[r] -> service_sleeps[r] = false; all = false
		:: else -> hot[r] = false
		fi
#else
		hot[r] = false
#endif
	:: else
	fi
}

inline unblock() {
	lock();
	if
	:: is_blocked[0] || is_blocked[1] ->
		is_blocked[0] = false;
		is_blocked[1] = false;
#ifndef NO_UNBLOCK_WAKE
		wake_one()
#endif
	:: else
	fi;
	unlock()
}

inline answer(r) {
#ifdef FLAG_FIRST
	flag = client_sleeps[r];
	completed[r]++;
#else
	completed[r]++;
	flag = client_sleeps[r];
#endif
	if :: flag -> in_futex[r] = false :: else fi
}

inline serve(r) {
	atomic { !kernel_lock -> kernel_lock = true }
	do
	:: submitted[r] == completed[r] -> break
	:: submitted[r] != completed[r] && transfer ->
		lock(); is_blocked[r] = true; unlock();
		break
	:: submitted[r] != completed[r] && !transfer ->
		transfer = true;
		kernel_lock = false;
		atomic { !kernel_lock -> kernel_lock = true }
		transfer = false;
		unblock();
		answer(r);
		/* The batch may end with any command. */
		if :: skip :: break fi
	od;
	lock(); is_taken[r] = false; unlock();
	kernel_lock = false
}

active [2] proctype worker() {
	bool all;
	bool flag;

	lock();
look:
	if
	:: !has_sentinel -> take_events()
	:: skip
	fi;
	if
	:: READY(0) ->
		is_taken[0] = true;
		if :: READY(1) -> wake_one() :: else fi;
		unlock(); serve(0); lock();
		goto look
	:: !READY(0) && READY(1) || READY(0) && READY(1) ->
		is_taken[1] = true;
		if :: READY(0) -> wake_one() :: else fi;
		unlock(); serve(1); lock();
		goto look
	:: !READY(0) && !READY(1)
	fi;
	if
	:: (hot[0] || hot[1]) && !has_spinner ->
		has_spinner = true;
		do
		:: break
		:: unlock(); lock();
			if
			:: !has_sentinel -> take_events()
			:: skip
			fi;
			if :: READY(0) || READY(1) -> break :: else fi
		od;
		has_spinner = false;
		if :: READY(0) || READY(1) -> goto look :: else fi;
		all = true;
		cool(0);
		cool(1);
		if :: !all -> goto look :: else fi
	:: else
	fi;
	if
	:: !has_sentinel ->
		has_sentinel = true;
		unlock();
end_watch:	atomic { event[0] || event[1] || kick_event -> kick_event = false }
		lock();
		has_sentinel = false;
		is_kicked = false;
		take_events()
	:: else ->
		waiting++;
		atomic { in_wait[_pid] = true; unlock() }
end_wait:	!in_wait[_pid];
		lock();
		waiting--
	fi;
	goto look
}

proctype client(byte r) {
	byte seen;

	do
	:: submitted[r] < COMMANDS ->
		submitted[r]++;
		if :: service_sleeps[r] -> event[r] = true :: else fi;
		/* It may queue the next one before it waits. */
		if
		:: skip
		:: submitted[r] < COMMANDS -> goto more
		fi;
		do
		:: completed[r] == submitted[r] -> break
		:: else ->
#ifdef NO_CLIENT_RECHECK
			seen = completed[r];
			client_sleeps[r] = true;
			if :: seen != submitted[r] -> in_futex[r] = true :: else fi;
#else
			client_sleeps[r] = true;
			seen = completed[r];
			/* The system compares before it puts the client to sleep. */
			if
			:: seen != submitted[r] ->
				atomic { if :: completed[r] == seen -> in_futex[r] = true :: else fi }
			:: else
			fi;
#endif
			!in_futex[r];
			client_sleeps[r] = false
		od;
more:		skip
	:: else -> break
	od
}

/* One of the service's main thread, which gives the kernel's lock up half-way. */
proctype request() {
	atomic { !kernel_lock && !transfer -> kernel_lock = true }
	transfer = true;
	kernel_lock = false;
	atomic { !kernel_lock -> kernel_lock = true }
	transfer = false;
	unblock();
	kernel_lock = false
}

init {
	atomic {
		run client(0); run client(1);
#ifdef REQUEST
		run request()
#endif
	}
}
