/* The protocol of the locks' waiters, for spin: src/waiter_queue.h, and what src/lock_waiter.h and
   src/pending_byte.h add that matters for who gets the lock and who waits for ever.

   Each atomic operation of the code is one step here. At each step stands what it models, as
   file: function. Memory is sequentially consistent; for weaker memory see tests/model.

   Parameters (-D):
     THREADS  how many, each with a slot of its own
     LOCKS    1 or 2. With 2 a thread may have left a node in the one queue and go to the other
     ROUNDS   how many acquisitions each makes; 0: it goes on for ever
     LEAVERS  the threads 0 .. LEAVERS-1 may give up, at every look
     STAYER_ROUNDS  for the others, if not as many
     NAPS     sleepers in the middle of the queue wake up by themselves, look at the lock, and take
              it if it is free. Without, they sleep until they are woken: so nobody may need a nap

   Checked in every execution, as assertions and as invalid end states:
     - one owner of a lock at a time, one head of a queue at a time
     - a node is not used again while somebody is still going to write to it
     - nobody is stuck; at the end queues are empty, nodes idle, locks free, `pending` clear
   and as LTL, for those that stay: `served` (below).

   With ROUNDS=0 there is no spinner: spinner and head compete, and only their luck says that the head
   does not always lose. Left out: sleeping on the lock word. These naps are bounded, and the protocol needs that they are
   (see pending_byte.h): here such a waiter just looks again. Signal handlers, fork.

   BUG_... break the protocol on purpose; waiter_queue_test.sh expects that each is found. */

#ifndef THREADS
#define THREADS 3
#endif
#ifndef LOCKS
#define LOCKS 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef LEAVERS
#define LEAVERS 0
#endif
#ifndef STAYER_ROUNDS
#define STAYER_ROUNDS ROUNDS
#endif

/* BasicQueueNode::state */
#define IDLE 0
#define JOINING 1
#define WAITING 2
#define SLEEPING 3
#define ABANDONED 4
#define RETURNING 5
#define HEAD 6
/* BasicQueueNode::next */
#define NOBODY 0
#define PASSED 255
/* BasicLockWord::locked; else the holder's number plus one */
#define FREE 0
#define RESERVED 254

/* The lock word. Of `pending` its flags kSpinner and kReserve. */
byte locked[LOCKS], tail[LOCKS];
bit spinner[LOCKS], reserve[LOCKS];
/* The nodes. `word` is the lock's number plus one. */
byte state[THREADS], next[THREADS], word[THREADS];
/* In the kernel: sleeps on the node's state. */
bit asleep[THREADS];

/* Not in the code: what the checks need. */
byte owners[LOCKS], heads[LOCKS];
byte writers[THREADS]; /* how many threads are still going to write to the node as predecessor's */
bit queued[THREADS];   /* has a place in a queue and wants the lock */
byte finished;

#define IS_FREE(l) (locked[l] == FREE || locked[l] == RESERVED)
/* lock_waiter.h: IsUnclaimed */
#define IS_UNCLAIMED(l) (locked[l] == RESERVED && tail[l] == 0 && !spinner[l] && !reserve[l])
#define MAY_LEAVE (me < LEAVERS)
/* waiter_queue.h: Join, the compare_exchange of `state`; else TakeBack, whose first is tried. */
#ifndef BUG_REUSE_ABANDONED
#define IS_READY (state[me] == IDLE)
#else
#define IS_READY (state[me] == IDLE || state[me] == ABANDONED)
#endif
#define HAS_LEFT (!IS_READY && state[me] == ABANDONED)
#ifndef BUG_RETURN_TO_ANY_QUEUE
#define IS_HERE (word[me] == l + 1)
#else
#define IS_HERE true
#endif

/* lock_waiter.h: Take; compare-and-swap on `locked` */
#ifndef BUG_TAKE_WITH_STORE
#define TAKE_IF(condition) atomic { (condition) -> locked[l] = me + 1; got = true }
#else
#define TAKE_IF(condition) (condition) -> locked[l] = me + 1; got = true
#endif

/* waiter_queue.h: BecomeHead. And IsHead, for who finds that the role has come. */
inline be_head() {
  heads[l]++;
  assert(heads[l] == 1);
  place = kHead;
}

/* waiter_queue.h: Join */
inline join() {
  if
  :: atomic { IS_READY -> assert(writers[me] == 0); state[me] = JOINING };
     /* Until the exchange of `tail` nobody else knows of the node: one step. */
     atomic {
       next[me] = NOBODY; word[me] = l + 1; state[me] = WAITING;
       before = tail[l]; tail[l] = me + 1; /* tail.exchange */
       if
       :: before != 0 -> writers[before - 1]++
       :: else
       fi
     };
     queued[me] = true;
     if
     :: before == 0 -> atomic { state[me] = HEAD; be_head() }
     :: else ->
        /* predecessor.state.load, predecessor.word.load: not stale, there is no fork here */
        assert(word[before - 1] == l + 1 && state[before - 1] != IDLE);
        atomic { /* predecessor.next.exchange */
          left = next[before - 1];
          assert(left == NOBODY || left == PASSED);
#ifdef BUG_LINK_WITH_STORE
        };
        atomic {
#endif
          next[before - 1] = me + 1;
#ifdef BUG_IGNORE_PASSED
          left = NOBODY;
#endif
          if
          :: left == NOBODY -> writers[before - 1]--
          :: else
          fi
        };
        if
        :: left == PASSED ->
           atomic { state[before - 1] = IDLE; writers[before - 1]-- };
           atomic { state[me] = HEAD; be_head() }
        :: else -> place = kQueue
        fi
     fi
  :: atomic { HAS_LEFT -> state[me] = RETURNING };
     if /* TakeBack, the second compare_exchange: the place is ours again, unless the role came */
     :: atomic { state[me] == RETURNING && IS_HERE ->
          state[me] = WAITING; place = kQueue; queued[me] = true }
     :: atomic { state[me] == RETURNING && !IS_HERE -> state[me] = ABANDONED; place = kUnqueued }
     :: atomic { state[me] != RETURNING -> place = kUnqueued }
     fi
  :: atomic { !IS_READY && !HAS_LEFT -> place = kUnqueued }
  fi
}

/* waiter_queue.h: PassHead */
inline pass_head() {
  atomic { heads[l]--; id = me };
  do
  :: left = next[id]; /* node.next.load */
     if
     :: left == NOBODY ->
#ifndef BUG_NO_TAIL_DETACH
        if
        :: atomic { tail[l] == id + 1 -> tail[l] = 0 }; /* tail.compare_exchange */
           state[id] = IDLE;
           break
        :: atomic { tail[l] != id + 1 }
        fi;
        if
        :: atomic { next[id] == NOBODY -> next[id] = PASSED }; /* next.compare_exchange */
#ifdef BUG_FREE_TOO_EARLY
           state[id] = IDLE;
#endif
           break
        :: atomic { next[id] != NOBODY -> left = next[id] }
        fi
#else
        atomic { next[id] != NOBODY -> left = next[id] }
#endif
     :: else
     fi;
     state[id] = IDLE;
     atomic { /* successor.state.exchange */
       before = state[left - 1];
       assert(before == WAITING || before == SLEEPING || before == ABANDONED ||
              before == RETURNING);
       state[left - 1] = HEAD
     };
     if
     :: before == ABANDONED || before == RETURNING -> id = left - 1
     :: before == SLEEPING ->
#ifndef BUG_NO_WAKE
        asleep[left - 1] = false; /* Wake */
#endif
        break
     :: before == WAITING -> break
     fi
  od
}

/* waiter_queue.h: Sleep */
inline sleep_in_queue() {
  if
  :: atomic { state[me] == WAITING -> state[me] = SLEEPING };
     if /* in the kernel: compares, and puts to sleep */
     :: atomic { state[me] == SLEEPING -> asleep[me] = true };
        if
        :: !asleep[me] /* woken */
#ifdef NAPS
        :: atomic { asleep[me] = false; overslept = true }
#endif
        :: atomic { MAY_LEAVE -> asleep[me] = false } /* its time is up */
        fi
     :: atomic { state[me] != SLEEPING }
     fi;
     if
     :: atomic { state[me] == SLEEPING -> state[me] = WAITING }
     :: atomic { state[me] != SLEEPING }
     fi
  :: atomic { state[me] != WAITING }
  fi
}

/* lock_waiter.h: Wait, one look and what follows, by place. Ends when `got` or `gone`. */
inline look() {
  if
  :: place == kNewcomer ->
     if
     :: TAKE_IF(locked[l] == FREE)
     :: IS_UNCLAIMED(l) ->
        if
        :: TAKE_IF(locked[l] == RESERVED)
        :: atomic { locked[l] != RESERVED }
        fi
     :: true -> /* saw it taken as often as it looked: TakePlace */
#if ROUNDS == 0
        join()
#else
        if
        :: atomic { !spinner[l] -> spinner[l] = true; place = kSpinner }
        :: atomic { spinner[l] }; join()
        fi
#endif
     fi
  :: place == kSpinner ->
     if
     :: TAKE_IF(IS_FREE(l))
     :: true -> spinner[l] = false; join(); pass_on() /* JoinAfterSpinning */
     :: MAY_LEAVE -> gone = true
     fi
  :: place == kQueue ->
     if
     :: atomic { state[me] == HEAD -> be_head() }
     :: state[me] != HEAD -> sleep_in_queue()
     :: TAKE_IF(overslept && IS_FREE(l))
     :: MAY_LEAVE -> gone = true
     fi
  :: place == kHead ->
     if
     :: TAKE_IF(IS_FREE(l))
#ifndef BUG_NO_RESERVATION
     :: atomic { !IS_FREE(l) && !reserve[l] -> reserve[l] = true; asked = true } /* AskToReserve */
#endif
     :: MAY_LEAVE -> gone = true
     fi
  :: place == kUnqueued ->
     if
     :: TAKE_IF(locked[l] == FREE)
     :: IS_UNCLAIMED(l) ->
        if
        :: TAKE_IF(locked[l] == RESERVED)
        :: atomic { locked[l] != RESERVED }
        fi
#ifdef NAPS
     :: TAKE_IF(IS_FREE(l))
#endif
     :: MAY_LEAVE -> gone = true
     fi
  fi
}

/* lock_waiter.h: PassOn; a lock reserved for nobody is free for all */
inline pass_on() {
  if
  :: IS_UNCLAIMED(l) ->
     if
     :: atomic { locked[l] == RESERVED -> locked[l] = FREE }
     :: atomic { locked[l] != RESERVED }
     fi
  :: !IS_UNCLAIMED(l)
  fi
}

/* lock_waiter.h: Leave */
inline leave() {
  queued[me] = false;
#ifndef BUG_SPINNER_STAYS
  if
  :: place == kSpinner -> spinner[l] = false
  :: else
  fi;
#endif
  if
  :: asked -> reserve[l] = false
  :: else
  fi;
  if
  :: place == kHead -> pass_head()
  :: place == kQueue ->
     if /* waiter_queue.h: Abandon */
#ifndef BUG_ABANDON_WITH_STORE
     :: atomic { state[me] == WAITING -> state[me] = ABANDONED }
#else
     :: state[me] == WAITING -> state[me] = ABANDONED
#endif
     :: atomic { state[me] != WAITING -> assert(state[me] == HEAD); be_head() }; pass_head()
     fi
  :: else
  fi;
  if
  :: gone -> pass_on()
  :: else
  fi
}

/* spinlock_slow_path.h: Unlock; pending_byte.h: BeginUnlock */
inline unlock() {
  atomic { left = (reserve[l] -> RESERVED : FREE); reserve[l] = false };
  locked[l] = left
}

#define TURNS (MAY_LEAVE -> ROUNDS : STAYER_ROUNDS)

mtype = { kNewcomer, kSpinner, kQueue, kHead, kUnqueued };

proctype Thread(byte me) {
  mtype place;
  bit got, gone, asked, overslept;
  byte l, rounds, before, left, id;

  do
  :: atomic {
       (ROUNDS == 0 || rounds < TURNS) ->
#if ROUNDS > 0
       rounds++;
#endif
#if LOCKS > 1
       if
       :: l = 0
       :: l = 1
       fi;
#endif
       place = kNewcomer; got = false; gone = false; asked = false
     };
     do
     :: !got && !gone -> overslept = false; look()
     :: else -> break
     od;
     leave();
     if
     :: got ->
        atomic { owners[l]++; assert(owners[l] == 1) };
        atomic { owners[l]--; assert(locked[l] == me + 1) };
        unlock()
     :: else
     fi
#if ROUNDS > 0
  :: rounds == TURNS -> break
#endif
  od;
  atomic {
    finished++;
    if
    :: finished == THREADS ->
       for (l : 0 .. LOCKS - 1) {
         assert(tail[l] == 0 && IS_FREE(l) && !spinner[l] && !reserve[l])
       };
       for (id : 0 .. THREADS - 1) {
         assert(state[id] == IDLE && writers[id] == 0)
       }
    :: else
    fi
  }
}

init {
  byte i;
  atomic {
    for (i : 0 .. THREADS - 1) {
      run Thread(i)
    }
  }
}

#if ROUNDS > 0
/* With fair scheduling everybody gets the lock or leaves, and ends. */
ltl served { <> (finished == THREADS) }
#else
/* With fair scheduling who queues gets the lock, though others come again and again. */
ltl served { [] (queued[THREADS - 1] -> <> !queued[THREADS - 1]) }
#endif
