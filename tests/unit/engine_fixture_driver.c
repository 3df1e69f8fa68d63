/* SPDX-License-Identifier: MIT */
/* The scripted driver: moves no bytes, but looks whether the kernel keeps its word, and waits where a test wants it. */
#include "engine_fixture.h"

#include "util/log.h"

#include <stdlib.h>
#include <string.h>

struct ef_driver ef_driver;

static const struct dxgk_interface *kernel_interface;

#define ADAPTER ((HANDLE)&ef_driver)

/* Plain variables here are the kernel's lock's: the thread sanitizer sees whoever comes without. */
static bool is_inside;
static bool is_closed_to_transfers; /* a request waited, and has not ended */
static bool is_apart;
static bool is_losing;
static bool is_asked; /* a request is half-way */
static struct worker *owners[EF_KEYS];
static bool apart_keys[EF_KEYS];
static uint32_t retries;

struct device {
	uint32_t transfers;
};

struct worker {
	struct device *device; /* NULL: nothing is begun */
	const DXGKARG_ESCAPE *argument;
	uint8_t copy[WIRE_RING_DATA];
	struct ef_command command;
	atomic_uint moved[EF_TRANSFER / EF_UNIT + 1]; /* times, of each unit */
	atomic_uint movers;
	atomic_uint_least64_t last_of; /* the transfer in which this worker was counted */
	uint64_t number;	       /* of the transfer */
};

static atomic_uint_least64_t transfers;

static void complain(const char *complaint)
{
	const char *none = NULL;

	atomic_compare_exchange_strong(&ef_driver.complaint, &none, complaint);
}

static void expect(bool is_so, const char *complaint)
{
	if (!is_so)
		complain(complaint);
}

static void come_in(void)
{
	expect(!is_inside, "two calls of the driver at once");
	is_inside = true;
}

static void go_out(void)
{
	is_inside = false;
}

uint64_t ef_answer(uint32_t number)
{
	return number * 0x9e3779b97f4a7c15u + 1;
}

/* ---- gates --------------------------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_closed[EF_GATES];
	uint32_t standing[EF_GATES];
} gates = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void set_gate(uint32_t gate, bool is_closed)
{
	pthread_mutex_lock(&gates.lock);
	gates.is_closed[gate] = is_closed;
	pthread_cond_broadcast(&gates.changed);
	pthread_mutex_unlock(&gates.lock);
}

void ef_gate_close(uint32_t gate)
{
	set_gate(gate, true);
}

void ef_gate_open(uint32_t gate)
{
	set_gate(gate, false);
}

void ef_gate_await(uint32_t gate)
{
	pthread_mutex_lock(&gates.lock);
	while (gates.standing[gate] == 0)
		pthread_cond_wait(&gates.changed, &gates.lock);
	pthread_mutex_unlock(&gates.lock);
}

static bool is_somebody_at(uint32_t gate)
{
	bool is_so;

	pthread_mutex_lock(&gates.lock);
	is_so = gates.standing[gate] > 0;
	pthread_mutex_unlock(&gates.lock);
	return is_so;
}

void ef_hold(struct ef_client *client, const struct ef_command *command)
{
	ef_gate_close(command->gate);
	for (;;) {
		ef_driver.parts = 0;
		ef_submit(client, command);
		ef_until(is_somebody_at(command->gate) || ef_is_done(client, client->taken));
		if (is_somebody_at(command->gate))
			return;
		/* A helper was faster, and moved the first part. */
		assert_int_equal(ef_take(client, NULL), STATUS_SUCCESS);
	}
}

static void pass(uint32_t gate)
{
	pthread_mutex_lock(&gates.lock);
	gates.standing[gate]++;
	pthread_cond_broadcast(&gates.changed);
	while (gates.is_closed[gate])
		pthread_cond_wait(&gates.changed, &gates.lock);
	gates.standing[gate]--;
	pthread_mutex_unlock(&gates.lock);
}

/* ---- transfers ------------------------------------------------------------------------------------------ */

static NTSTATUS create_worker(HANDLE adapter, HANDLE *ret)
{
	struct worker *worker;

	expect(adapter == ADAPTER, "another adapter");
	if (ef_driver.create_worker_status != STATUS_SUCCESS)
		return ef_driver.create_worker_status;
	if (ef_driver.workers >= ef_driver.workers_max)
		return STATUS_NO_MEMORY;
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return STATUS_NO_MEMORY;
	ef_driver.workers++;
	*ret = worker;
	return STATUS_SUCCESS;
}

static void destroy_worker(HANDLE handle)
{
	struct worker *worker = handle;

	expect(!worker->device, "a worker ends within a transfer");
	ef_driver.workers--;
	free(worker);
}

/* What the ring has to check of a command whose client changes it meanwhile. */
static void check_argument(const DXGKARG_ESCAPE *argument)
{
	expect(argument->hDevice != NULL, "no device");
	expect(argument->PrivateDriverDataSize <= WIRE_RING_DATA, "more data than an entry has");
	expect((argument->Flags.Value & EF_FLAGS) != 0, "flags that were not checked");
}

static void note(const struct ef_command *command)
{
	uint32_t place = atomic_fetch_add(&ef_driver.begun, 1);

	if (place < EF_ORDER)
		ef_driver.order[place] = command->number;
	if (command->key < EF_KEYS)
		ef_driver.begun_of[command->key]++;
	if (is_apart)
		ef_driver.begun_apart++;
}

static NTSTATUS begin(struct worker *worker, const DXGKARG_ESCAPE *argument, UINT64 *ret_size)
{
	struct ef_command command;

	expect(!worker->device, "a worker begins two transfers");
	check_argument(argument);
	if (argument->PrivateDriverDataSize < sizeof(command))
		return STATUS_INVALID_PARAMETER;
	memcpy(&command, argument->pPrivateDriverData, sizeof(command));
	*ret_size = 0;
	if (command.retries > retries) {
		retries++;
		ef_driver.retried++;
		return STATUS_RETRY;
	}
	retries = 0;
	if (command.key >= EF_KEYS || command.gate >= EF_GATES || command.size > EF_TRANSFER)
		return STATUS_INVALID_PARAMETER;
	if (command.key && (owners[command.key] || apart_keys[command.key])) {
		ef_driver.retried++;
		return STATUS_RETRY;
	}
	switch (command.action) {
	case EF_ANSWER:
		note(&command);
		command.answer = ef_answer(command.number);
		memcpy(argument->pPrivateDriverData, &command, sizeof(command));
		return STATUS_SUCCESS;
	case EF_FAIL:
		note(&command);
		/* Which must not come back. */
		command.answer = 77;
		memcpy(argument->pPrivateDriverData, &command, sizeof(command));
		*ret_size = 77;
		return command.status;
	case EF_MOVE:
		if (command.size == 0)
			return STATUS_INVALID_PARAMETER;
		break;
	default:
		return STATUS_INVALID_PARAMETER;
	}
	note(&command);
	worker->device = argument->hDevice;
	worker->device->transfers++;
	worker->argument = argument;
	worker->command = command;
	worker->number = atomic_fetch_add(&transfers, 1) + 1;
	worker->movers = 0;
	memset(worker->copy, 0, sizeof(worker->copy));
	memcpy(worker->copy, argument->pPrivateDriverData, argument->PrivateDriverDataSize);
	for (uint64_t unit = 0; unit * EF_UNIT < command.size; unit++)
		atomic_store_explicit(&worker->moved[unit], 0, memory_order_relaxed);
	owners[command.key] = command.key ? worker : NULL;
	*ret_size = command.size;
	return STATUS_SUCCESS;
}

static NTSTATUS begin_transfer(HANDLE adapter, HANDLE worker, const DXGKARG_ESCAPE *argument, UINT64 *ret_size)
{
	NTSTATUS status;

	expect(adapter == ADAPTER, "another adapter");
	come_in();
	expect(!is_closed_to_transfers, "a transfer begins although a request waits");
	status = begin(worker, argument, ret_size);
	go_out();
	return status;
}

static void run_transfer(HANDLE handle, HANDLE helper, UINT64 offset, UINT64 size)
{
	struct worker *owner = handle, *worker = helper;
	const struct ef_command *command = &owner->command;

	expect(owner->device && offset % EF_UNIT == 0 && size > 0 && offset + size <= command->size,
	       "a part that there is not");
	if (atomic_exchange(&worker->last_of, owner->number) != owner->number)
		owner->movers++;
	if (offset == 0 && command->gate && owner == worker)
		pass(command->gate);
	for (uint64_t at = offset; at < offset + size; at += EF_UNIT)
		atomic_fetch_add(&owner->moved[at / EF_UNIT], 1);
	ef_driver.parts++;
}

static void finish(struct worker *worker, const DXGKARG_ESCAPE *argument)
{
	struct ef_command command;

	if (!worker->device || argument != worker->argument) {
		complain("another transfer is finished");
		return;
	}
	expect(memcmp(worker->copy, argument->pPrivateDriverData, argument->PrivateDriverDataSize) == 0,
	       "a command changed after it began");
	for (uint64_t unit = 0; unit * EF_UNIT < worker->command.size; unit++)
		expect(worker->moved[unit] == 1, "a part was not moved once");
	if (worker->movers > ef_driver.largest)
		ef_driver.largest = worker->movers;
	memcpy(&command, argument->pPrivateDriverData, sizeof(command));
	command.answer = ef_answer(command.number);
	memcpy(argument->pPrivateDriverData, &command, sizeof(command));
	if (command.key)
		owners[command.key] = NULL;
	worker->device->transfers--;
	worker->device = NULL;
	ef_driver.finished++;
}

static void finish_transfer(HANDLE worker, const DXGKARG_ESCAPE *argument)
{
	come_in();
	finish(worker, argument);
	go_out();
}

/* ---- requests -------------------------------------------------------------------------------------------- */

static void wait_for_key(uint32_t key)
{
	while (owners[key]) {
		is_closed_to_transfers = true;
		go_out();
		kernel_interface->WaitForTransfer(kernel_interface->DeviceHandle);
		come_in();
	}
}

static bool be_apart(const struct ef_command *command)
{
	const DXGKARGCB_GETHANDLEDATA arg = { .hObject = command->number, .Type = DXGK_HANDLE_PROTECTED_SESSION };

	apart_keys[command->key] = true;
	is_apart = true;
	/* What was waited for before may begin again. */
	is_closed_to_transfers = false;
	go_out();
	kernel_interface->Unlock(kernel_interface->DeviceHandle);
	pass(command->gate);
	kernel_interface->Lock(kernel_interface->DeviceHandle);
	come_in();
	is_apart = false;
	apart_keys[command->key] = false;
	return kernel_interface->DxgkCbGetHandleData(kernel_interface->DeviceHandle, &arg) == ADAPTER;
}

static NTSTATUS escape(const HANDLE adapter, const DXGKARG_ESCAPE *argument)
{
	struct ef_command command;
	NTSTATUS status = STATUS_SUCCESS;

	expect(adapter == ADAPTER, "another adapter");
	if (argument->PrivateDriverDataSize != sizeof(command))
		return STATUS_INVALID_PARAMETER;
	memcpy(&command, argument->pPrivateDriverData, sizeof(command));
	if (command.key >= EF_KEYS || command.gate >= EF_GATES || command.then >= EF_KEYS)
		return STATUS_INVALID_PARAMETER;
	come_in();
	is_asked = true;
	expect(!is_losing, "a request comes in while keys are lost");
	if (command.action == EF_WAIT) {
		wait_for_key(command.key);
	} else if (command.action == EF_APART) {
		/* First what ends, then what stays: the caller must be the same after both. */
		wait_for_key(command.key);
		if (!be_apart(&command))
			status = STATUS_INVALID_HANDLE;
		wait_for_key(command.then);
	}
	is_asked = false;
	is_closed_to_transfers = false;
	if (status == STATUS_SUCCESS)
		ef_driver.answers++;
	go_out();
	command.answer = ef_driver.begun;
	memcpy(argument->pPrivateDriverData, &command, sizeof(command));
	return status;
}

static NTSTATUS create_device(const HANDLE adapter, DXGKARG_CREATEDEVICE *argument)
{
	expect(adapter == ADAPTER, "another adapter");
	argument->hDevice = calloc(1, sizeof(struct device));
	ef_driver.devices++;
	return argument->hDevice ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static NTSTATUS destroy_device(const HANDLE handle)
{
	const struct device *device = handle;

	come_in();
	expect(device->transfers == 0, "a device ends within a transfer");
	ef_driver.devices--;
	free(handle);
	go_out();
	return STATUS_SUCCESS;
}

static NTSTATUS create_session(const HANDLE adapter, DXGKARG_CREATEPROTECTEDSESSION *argument)
{
	argument->hProtectedSession = adapter;
	return STATUS_SUCCESS;
}

static NTSTATUS destroy_session(const HANDLE adapter, HANDLE session)
{
	expect(adapter == session, "another session");
	return STATUS_SUCCESS;
}

/* As ours: first all that is under way ends. */
static void lose_keys(HANDLE adapter)
{
	expect(adapter == ADAPTER, "another adapter");
	come_in();
	expect(!is_asked, "keys are lost beside a request");
	is_losing = true;
	ef_driver.losing++;
	for (uint32_t key = 1; key < EF_KEYS; key++)
		wait_for_key(key);
	is_closed_to_transfers = false;
	is_losing = false;
	ef_driver.lost++;
	go_out();
}

static bool has_slept(void *context)
{
	(void)context;
	return atomic_exchange(&ef_driver.has_slept, false);
}

static NTSTATUS start_device(const struct dxgk_interface *interface, void *context, HANDLE *ret)
{
	(void)context;
	kernel_interface = interface;
	*ret = ADAPTER;
	return STATUS_SUCCESS;
}

static void stop_device(HANDLE adapter)
{
	expect(adapter == ADAPTER && ef_driver.workers == 0, "the adapter ends before its workers");
}

/* ---- the kernel ------------------------------------------------------------------------------------------ */

static const struct dxgk_driver driver = {
	.StartDevice = start_device,
	.StopDevice = stop_device,
	.DxgkDdiCreateDevice = create_device,
	.DxgkDdiDestroyDevice = destroy_device,
	.DxgkDdiEscape = escape,
	.DxgkDdiCreateProtectedSession = create_session,
	.DxgkDdiDestroyProtectedSession = destroy_session,
	.LoseKeys = lose_keys,
	.CreateWorker = create_worker,
	.DestroyWorker = destroy_worker,
	.BeginTransfer = begin_transfer,
	.RunTransfer = run_transfer,
	.FinishTransfer = finish_transfer,
};

struct dxgk_kernel *ef_start(uint32_t workers, const struct dxgk_limits *limits)
{
	struct dxgk_config config = { .driver = &driver, .workers = workers, .has_slept = has_slept };
	struct dxgk_kernel *kernel;

	alarm(110);
	/* It warns of each loss. */
	log_start(LOG_LEVEL_ERROR, /* to_syslog= */ false);
	memset(&ef_driver, 0, sizeof(ef_driver));
	ef_driver.workers_max = UINT32_MAX;
	retries = 0;
	is_closed_to_transfers = false;
	for (uint32_t i = 0; i < EF_GATES; i++)
		ef_gate_open(i);
	dxgk_limits_default(&config.limits);
	if (limits)
		config.limits = *limits;
	assert_int_equal(dxgk_kernel_create(&config, &kernel), 0);
	return kernel;
}

void ef_stop(struct dxgk_kernel *kernel)
{
	struct dxgk_counts counts;

	dxgk_counts(kernel, &counts);
	counts.teardowns = 0;
	assert_memory_equal(&counts, &(struct dxgk_counts) { 0 }, sizeof(counts));
	dxgk_kernel_destroy(kernel);
	assert_int_equal(ef_driver.devices, 0);
	assert_int_equal(ef_driver.workers, 0);
	if (ef_driver.complaint)
		fail_msg("the driver complains: %s", ef_driver.complaint);
	alarm(0);
}
