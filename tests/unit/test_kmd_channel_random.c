/* SPDX-License-Identifier: MIT */
/* Random calls of channels on two devices against a model that was written from the rules. */
#include "kmd_fixture_channel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * test_kmd_channel_random [SEED [CALLS]]: a failure says which call of which seed it was.
 */
#define SEED  UINT64_C(0x20261121)
#define CALLS 120000u

static uint64_t arg_seed = SEED;
static unsigned long arg_calls = CALLS;

static uint64_t chance_state;
static unsigned long present;

static uint32_t chance(uint32_t below)
{
	chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((chance_state >> 33) % below);
}

/* ---- the model -------------------------------------------------------------------------------------------- */

enum { DEVICES = 2, CHANNELS = 8, KEYS = 4, DECODES = 2, SESSIONS = 2, PROCESSES = 8, NOBODY = -1 };

struct model_channel {
	bool is_there, is_lost, is_initialised;
	int device, key; /* NOBODY: no key */
	uint32_t type;
	uint64_t handle;
	uint64_t next_configure, next_query;
	uint32_t flags;
	int encryption; /* 0: none, else which */
};

struct model_session {
	bool is_there;
	D3DKMT_HANDLE handle;
	uint64_t name;
};

struct model_decode {
	uint64_t handle;
	int session, owner;
};

struct model_device {
	int index;
	uint64_t id;
	int list[PROCESSES + 1], list_count; /* NOBODY: the compositor */
	struct model_session sessions[SESSIONS];
	struct model_decode decodes[DECODES];
};

struct model_process {
	uint64_t token;
	bool is_alive;
};

static struct {
	struct kf *kf;
	struct model_channel channels[CHANNELS];
	struct model_device devices[DEVICES];
	struct model_process processes[PROCESSES];
	uint64_t tokens, names, dead_handle;
	uint8_t keys[KEYS][16], blobs[KEYS][256];
	GUID guids[3];
	unsigned long accepted, refused;
} m;

static struct model_device *device_of(const struct model_channel *channel)
{
	if (channel->device < 0 || channel->device >= DEVICES)
		abort();
	return &m.devices[channel->device];
}

static uint32_t model_level(int device)
{
	uint32_t level = 0;

	for (int i = 0; i < CHANNELS; i++)
		if (m.channels[i].is_there && m.channels[i].device == device)
			level |= m.channels[i].flags;
	return level;
}

static uint32_t flags_of_others(const struct model_channel *channel)
{
	uint32_t flags = 0;

	for (int i = 0; i < CHANNELS; i++)
		if (m.channels[i].is_there && m.channels[i].device == channel->device && &m.channels[i] != channel)
			flags |= m.channels[i].flags;
	return flags;
}

static int encryption_but(int device, const struct model_channel *but)
{
	for (int i = 0; i < CHANNELS; i++)
		if (m.channels[i].is_there && m.channels[i].device == device && &m.channels[i] != but &&
		    m.channels[i].encryption)
			return m.channels[i].encryption;
	return 0;
}

/* AC-125: who ended is on no list. */
static void model_end_process(int process)
{
	m.processes[process].is_alive = false;
	for (int d = 0; d < DEVICES; d++) {
		struct model_device *device = &m.devices[d];
		int kept = 0;

		for (int i = 0; i < device->list_count; i++)
			if (device->list[i] != process)
				device->list[kept++] = device->list[i];
		device->list_count = kept;
	}
}

static void model_share(struct model_device *device, int who, bool allow)
{
	int at = 0;

	while (at < device->list_count && device->list[at] != who)
		at++;
	if (allow && at == device->list_count)
		device->list[device->list_count++] = who;
	if (!allow && at < device->list_count) {
		device->list_count--;
		for (; at < device->list_count; at++)
			device->list[at] = device->list[at + 1];
	}
}

/* ---- what is sent, and what comes of it ------------------------------------------------------------------- */

/* The answer that the model expects to a message that was accepted. */
struct expected {
	HRESULT hr;
	uint8_t body[32];
};

static bool is_tied(const struct model_device *device, int session)
{
	for (int i = 0; i < DECODES; i++)
		if (device->decodes[i].session == session)
			return true;
	return false;
}

/* A session of a device, or one that is none. Where it is tied it has one name (AC-117). */
static int choose_session(struct model_device *device, struct drv_escape_message *message, uint64_t *ret_name)
{
	const int which = (int)chance(SESSIONS);
	struct model_session *session = &device->sessions[which];

	*ret_name = session->is_there ? session->name : ++m.names;
	if (!session->is_there)
		return NOBODY;
	message->header.session = session->handle;
	if (is_tied(device, which) && chance(10) == 0) {
		*ret_name += 0x100000;
		return NOBODY;
	}
	return which;
}

static struct expected model_protection(struct model_channel *channel, uint8_t *body)
{
	const uint32_t wanted = chance(12) ? chance(4) : 4u << chance(30);

	memcpy(body, &wanted, 4);
	if (wanted > 3 || (flags_of_others(channel) & ~channel->flags & ~wanted))
		return (struct expected) { E_INVALIDARG, { 0 } };
	channel->flags = wanted;
	return (struct expected) { S_OK, { 0 } };
}

static struct expected model_tie(struct model_channel *channel, struct drv_escape_message *message, uint8_t *body)
{
	struct model_device *device = device_of(channel);
	const int which = (int)chance(DECODES + 1);
	const bool is_foreign = which == DECODES;
	struct model_decode *decode = &device->decodes[is_foreign ? 0 : which];
	const bool wrong_id = chance(10) == 0;
	uint64_t values[3] = { is_foreign ? m.devices[!channel->device].decodes[0].handle : decode->handle, 0,
			       wrong_id ? m.devices[!channel->device].id : device->id };
	const int session = choose_session(device, message, &values[1]);
	const int me = (int)(channel - m.channels);

	memcpy(body, values, sizeof(values));
	if (is_foreign || session == NOBODY || wrong_id)
		return (struct expected) { E_INVALIDARG, { 0 } };
	if (decode->session != NOBODY && decode->owner != NOBODY && decode->owner != me)
		return (struct expected) { decode->session == session ? S_OK : E_INVALIDARG, { 0 } };
	decode->session = session;
	decode->owner = me;
	return (struct expected) { S_OK, { 0 } };
}

static struct expected model_list(struct model_channel *channel, uint8_t *body)
{
	const int who = (int)chance(PROCESSES + 2) - 1;
	const bool is_dwm = who == NOBODY, is_process = who >= 0 && who < PROCESSES;
	const uint32_t type = is_dwm ? 1 : chance(12) ? 2 : chance(2) * 3, allow = chance(2);
	const uint64_t token = is_process ? m.processes[who].token : is_dwm ? chance(9) : 0x4711;

	memcpy(body, &type, 4);
	memcpy(body + 8, &token, 8);
	memcpy(body + 16, &allow, 4);
	if (!is_dwm && (type != 2 || !is_process || !m.processes[who].is_alive))
		return (struct expected) { E_INVALIDARG, { 0 } };
	model_share(&m.devices[channel->device], who, allow);
	return (struct expected) { S_OK, { 0 } };
}

static struct expected model_encrypt(struct model_channel *channel, uint8_t *body)
{
	const int wanted = (int)chance(4), others = encryption_but(channel->device, channel);
	GUID guid = m.guids[wanted % 3];

	if (wanted == 3)
		guid.Data1 = 0x99;
	memcpy(body, &guid, sizeof(guid));
	if (wanted == 3 || (wanted && others && others != wanted) || (!wanted && others && !channel->encryption))
		return (struct expected) { E_INVALIDARG, { 0 } };
	channel->encryption = wanted;
	return (struct expected) { S_OK, { 0 } };
}

static void put(struct expected *expected, size_t at, const void *value, size_t size)
{
	memcpy(expected->body + at, value, size);
}

static struct expected model_query(const struct model_channel *channel, enum kf_type type,
				   struct drv_escape_message *message, uint8_t *body)
{
	struct model_device *device = device_of(channel);
	struct expected expected = { S_OK, { 0 } };
	const uint32_t index = chance(8) ? chance(5) : UINT32_MAX - chance(2);
	const struct model_decode *decode = &device->decodes[chance(DECODES)];
	const uint32_t outputs = 3, two = 2, bus[4] = { 0, 1, 1, 0 };
	uint64_t values[3];
	uint32_t number;
	int session;

	switch (type) {
	case KF_Q_PROTECTION:
		number = model_level(channel->device);
		put(&expected, 0, &number, 4);
		break;
	case KF_Q_CHANNELTYPE:
		put(&expected, 0, &channel->type, 4);
		break;
	case KF_Q_DEVICEHANDLE:
		put(&expected, 0, &device->id, 8);
		break;
	case KF_Q_CRYPTOSESSION:
		memcpy(body, &decode->handle, 8);
		put(&expected, 0, &decode->handle, 8);
		if (decode->session != NOBODY) {
			put(&expected, 8, &device->sessions[decode->session].name, 8);
			put(&expected, 16, &device->id, 8);
		}
		break;
	case KF_Q_PROCESSCOUNT:
		put(&expected, 0, &device->list_count, 4);
		break;
	case KF_Q_PROCESS:
		memcpy(body, &index, 4);
		if (index >= (uint32_t)device->list_count) {
			expected.hr = E_INVALIDARG;
			break;
		}
		put(&expected, 0, &index, 4);
		number = device->list[index] == NOBODY ? 1 : 2;
		put(&expected, 4, &number, 4);
		if (number == 2)
			put(&expected, 8, &m.processes[device->list[index]].token, 8);
		break;
	case KF_Q_OUTPUTIDCOUNT:
	case KF_Q_OUTPUTID:
		values[0] = chance(10) ? device->id : m.devices[!channel->device].id;
		session = choose_session(device, message, &values[1]);
		values[2] = index;
		memcpy(body, values, type == KF_Q_OUTPUTID ? 20 : 16);
		number = session != NOBODY && is_tied(device, session) ? outputs : 0;
		if (session == NOBODY || values[0] != device->id || (type == KF_Q_OUTPUTID && index >= number)) {
			expected.hr = E_INVALIDARG;
			break;
		}
		put(&expected, 0, values, 16);
		put(&expected, 16, type == KF_Q_OUTPUTID ? &index : &number, 4);
		values[0] = 500 + index;
		if (type == KF_Q_OUTPUTID)
			put(&expected, 24, &values[0], 8);
		break;
	case KF_Q_ACCESSIBILITY:
		put(&expected, 0, bus, sizeof(bus));
		break;
	case KF_Q_GUIDCOUNT:
		put(&expected, 0, &two, 4);
		break;
	case KF_Q_GUID:
		memcpy(body, &index, 4);
		if (index >= 2) {
			expected.hr = E_INVALIDARG;
			break;
		}
		put(&expected, 0, &index, 4);
		put(&expected, 4, &m.guids[index + 1], 16);
		break;
	case KF_Q_ENCRYPTION:
		put(&expected, 0, &m.guids[encryption_but(channel->device, NULL)], 16);
		break;
	default: /* KF_Q_UNRESTRICTED: there is no surface here */
		break;
	}
	return expected;
}

static struct expected model_run(struct model_channel *channel, enum kf_type type, struct drv_escape_message *message)
{
	uint8_t *body = message->input + (type >= KF_QUERIES ? KF_QUERY_HEADER : KF_HEADER);

	switch (type) {
	case KF_INITIALIZE:
		return (struct expected) { S_OK, { 0 } };
	case KF_PROTECTION:
		return model_protection(channel, body);
	case KF_CRYPTOSESSION:
		return model_tie(channel, message, body);
	case KF_SHAREDRESOURCE:
		return model_list(channel, body);
	case KF_ENCRYPTION:
		return model_encrypt(channel, body);
	default:
		return model_query(channel, type, message, body);
	}
}

/* Mostly the next one. */
static uint32_t choose_number(uint64_t next)
{
	switch (chance(10)) {
	case 0:
		return next ? (uint32_t)next - 1 - chance((uint32_t)(next < 5 ? next : 5)) : UINT32_MAX;
	case 1:
		return (uint32_t)next + chance(1000);
	case 2:
		return chance(400) ? (uint32_t)next : UINT32_MAX - chance(3);
	default:
		return (uint32_t)next;
	}
}

enum flaw { GOOD, TAMPERED, OTHER_KEY, UNKNOWN_GUID, WRONG_SIZE, FOREIGN_DEVICE, WRONG_PARAMETER, WRONG_HANDLE, FLAWS };

static void send_message(void)
{
	struct model_channel *channel = &m.channels[chance(CHANNELS)];
	const bool is_first = channel->is_there && !channel->is_initialised && chance(3);
	const enum kf_type type = is_first ? KF_INITIALIZE : (enum kf_type)chance(KF_TYPES);
	const enum flaw flaw = chance(3) ? GOOD : (enum flaw)chance(FLAWS);
	const bool query = type >= KF_QUERIES;
	uint64_t *next = query ? &channel->next_query : &channel->next_configure;
	const uint8_t *key = channel->key == NOBODY ? m.keys[0] : m.keys[channel->key];
	struct model_device *device = device_of(channel);
	struct kf_channel as = { .kf = m.kf, .handle = channel->is_there ? channel->handle : m.dead_handle };
	const uint32_t number = choose_number(*next);
	const bool is_allowed = channel->type == KF_SOFTWARE || !kf_types[type].is_software_only;
	struct expected expected = { E_INVALIDARG, { 0 } };
	struct drv_escape_message message;
	enum kf_class class = KF_BARE;
	bool has_key, fresh, accepted;
	uint32_t starts[2] = { chance(3) ? chance(1000) : UINT32_MAX - chance(4),
			       chance(3) ? chance(1000) : 0xfffffffe };

	memcpy(as.key, key, 16);
	message = kf_message(&as, type, number, NULL, 0);
	if (chance(2))
		message.channel = as.handle;

	/* In the order of sections 6 and 7. */
	has_key = channel->is_there && channel->key != NOBODY && flaw != FOREIGN_DEVICE && flaw != WRONG_PARAMETER &&
		  flaw != WRONG_HANDLE;
	fresh = channel->is_initialised && number >= *next;
	accepted = has_key && flaw != UNKNOWN_GUID && flaw != WRONG_SIZE &&
		   (query || (flaw != TAMPERED && flaw != OTHER_KEY)) &&
		   (type == KF_INITIALIZE ? !channel->is_initialised : fresh);
	if (has_key && flaw == UNKNOWN_GUID)
		expected.hr = E_FAIL;
	if (accepted) {
		class = KF_SIGNED;
		if (type != KF_INITIALIZE)
			*next = (uint64_t)number + 1;
		expected = is_allowed ? model_run(channel, type, &message) : (struct expected) { E_FAIL, { 0 } };
	}
	if (type == KF_INITIALIZE) {
		memcpy(message.input + KF_HEADER, starts, sizeof(starts));
		if (accepted) {
			channel->is_initialised = true;
			channel->next_query = starts[0];
			channel->next_configure = starts[1];
		}
	}

	if (flaw == UNKNOWN_GUID)
		message.input[(query ? 0 : 16) + chance(16)] ^= (uint8_t)(1 << chance(8));
	if (flaw == WRONG_HANDLE) /* none that another channel has: those differ further down */
		message.input[(query ? 16 : 32) + 3 + chance(5)] ^= (uint8_t)(1 << chance(8));
	if (flaw == OTHER_KEY)
		key = m.keys[((channel->key == NOBODY ? 0 : channel->key) + 1 + chance(KEYS - 1)) % KEYS];
	kf_message_tag(&message, key);
	if (flaw == TAMPERED && !query) {
		uint32_t at = chance(message.input_size - 24);

		/* Anywhere but in the type and the handle, which have answers of their own. */
		at += at >= 16 ? 24 : 0;
		message.input[at] ^= (uint8_t)(1 << chance(8));
	}
	if (flaw == WRONG_SIZE) {
		if (query && chance(2))
			message.output_size += chance(2) ? 8 : 1;
		else
			message.input_size += chance(2) ? 8 : 1;
	}
	if (flaw == WRONG_PARAMETER)
		message.channel = as.handle + 1;
	(void)kf_send(m.kf, flaw == FOREIGN_DEVICE ? m.devices[!channel->device].index : device->index, &message);
	if (message.header.result != expected.hr)
		print_error("type %d, flaw %d, number %u\n", (int)type, (int)flaw, number);
	kf_assert_answer(&message, channel->key == NOBODY ? m.keys[0] : m.keys[channel->key], expected.hr, class);
	if (class == KF_SIGNED && query)
		assert_memory_equal(message.output + KF_HEADER, expected.body, message.written - KF_HEADER);
	if (class == KF_SIGNED)
		m.accepted++;
	else
		m.refused++;
}

/* ---- everything else ---------------------------------------------------------------------------------------- */

static void make_session(struct model_device *device, int which)
{
	struct model_session *session = &device->sessions[which];

	session->handle = kf_decode_session(m.kf, device->index, &drv_test_profiles[0]);
	session->name = ++m.names;
	session->is_there = true;
}

static void end_session(struct model_device *device, int which)
{
	kf_session_destroy(m.kf, device->sessions[which].handle);
	device->sessions[which].is_there = false;
	for (int i = 0; i < DECODES; i++)
		if (device->decodes[i].session == which)
			device->decodes[i].session = device->decodes[i].owner = NOBODY;
}

static void make_decode(struct model_device *device, int which)
{
	device->decodes[which].session = device->decodes[which].owner = NOBODY;
	assert_int_equal(kf_decode(m.kf, device->index, &drv_test_profiles[0], &device->decodes[which].handle), S_OK);
}

static void make_device(struct model_device *device)
{
	device->index = kf_device(m.kf);
	device->id = ((const struct kmd_device *)m.kf->devices[device->index])->id;
	device->list_count = 0;
	for (int i = 0; i < SESSIONS; i++)
		make_session(device, i);
	for (int i = 0; i < DECODES; i++)
		make_decode(device, i);
}

static void forget_channel(struct model_channel *channel)
{
	struct model_device *device = device_of(channel);

	m.dead_handle = channel->handle;
	channel->is_there = false;
	for (int i = 0; i < DECODES; i++)
		if (device->decodes[i].owner == channel - m.channels)
			device->decodes[i].owner = NOBODY;
}

static void end_device(struct model_device *device)
{
	for (int i = 0; i < CHANNELS; i++)
		if (m.channels[i].is_there && &m.devices[m.channels[i].device] == device)
			forget_channel(&m.channels[i]);
	kf_device_destroy(m.kf, device->index);
	for (int i = 0; i < SESSIONS; i++)
		if (device->sessions[i].is_there)
			kf_session_destroy(m.kf, device->sessions[i].handle);
	make_device(device);
}

static void make_process(int which)
{
	struct model_process *process = &m.processes[which];

	*process = (struct model_process) { .token = 0x700000100 + ++m.tokens, .is_alive = true };
	for (int i = 0; i < KF_PROCESSES; i++)
		if (m.kf->processes[i].token && !m.kf->processes[i].is_alive)
			m.kf->processes[i].token = 0;
	kf_process(m.kf, process->token);
}

static void create_channel(struct model_channel *channel)
{
	uint64_t handle = 0;
	const int device = (int)chance(DEVICES);
	const uint32_t type = chance(12) ? 2 + (chance(4) == 0) : chance(2) * 4;
	const HRESULT hr = kf_channel_create(m.kf, m.devices[device].index, type, &handle);

	assert_int_equal(hr, type == 2 || type == 3 ? S_OK : D3DDDIERR_NOTAVAILABLE);
	if (hr == S_OK)
		*channel = (struct model_channel) {
			.is_there = true,
			.device = device,
			.key = NOBODY,
			.type = type,
			.handle = handle,
		};
}

static void exchange_key(struct model_channel *channel)
{
	const int key = (int)chance(KEYS), device = chance(6) ? channel->device : !channel->device;
	const bool good = channel->is_there && channel->device == device && channel->key == NOBODY && !channel->is_lost;
	const HRESULT hr = kf_channel_exchange_blob(m.kf, m.devices[device].index,
						    channel->is_there ? channel->handle : m.dead_handle, m.blobs[key]);

	assert_int_equal(hr, good ? S_OK : E_INVALIDARG);
	if (good)
		channel->key = key;
}

static void destroy_channel(struct model_channel *channel)
{
	const int device = chance(3) ? channel->device : !channel->device;
	const bool good = channel->is_there && channel->device == device;
	const HRESULT hr = kf_channel_destroy(m.kf, m.devices[device].index,
					      channel->is_there ? channel->handle : m.dead_handle);

	assert_int_equal(hr, good ? S_OK : E_INVALIDARG);
	if (good)
		forget_channel(channel);
}

static void lose_keys(void)
{
	kmd_driver.LoseKeys(m.kf->adapter);
	for (int i = 0; i < CHANNELS; i++)
		if (m.channels[i].is_there && m.channels[i].key != NOBODY) {
			m.channels[i].key = NOBODY;
			m.channels[i].is_lost = true;
			m.channels[i].is_initialised = false; /* it answers as if it were new */
		}
}

static void call(void)
{
	struct model_channel *channel = &m.channels[chance(CHANNELS)];
	struct model_device *device = &m.devices[chance(DEVICES)];
	const uint32_t what = chance(4000);
	int which;

	if (what < 60) {
		if (!channel->is_there)
			create_channel(channel);
	} else if (what < 240) {
		exchange_key(channel);
	} else if (what < 254) {
		destroy_channel(channel);
	} else if (what < 264) {
		which = (int)chance(PROCESSES);
		if (m.processes[which].is_alive) {
			kf_process_end(m.kf, m.processes[which].token);
			model_end_process(which);
		} else {
			make_process(which);
		}
	} else if (what < 270) {
		which = (int)chance(SESSIONS);
		if (device->sessions[which].is_there)
			end_session(device, which);
		else
			make_session(device, which);
	} else if (what < 274) {
		which = (int)chance(DECODES);
		assert_int_equal(kf_decode_destroy(m.kf, device->index, device->decodes[which].handle), S_OK);
		make_decode(device, which);
	} else if (what == 274 && chance(4) == 0) {
		lose_keys();
	} else if (what == 275) {
		end_device(device);
	} else {
		send_message();
	}
}

/* The numbers that nobody can ask for. */
static void look_inside(void)
{
	for (int i = 0; i < CHANNELS; i++) {
		const struct model_channel *channel = &m.channels[i];
		struct kf_channel as = { .kf = m.kf, .handle = channel->handle };
		const struct kmd_channel *inside;

		if (!channel->is_there)
			continue;
		as.device = m.devices[channel->device].index;
		inside = kf_channel_inside(&as);
		assert_non_null(inside);
		assert_int_equal(inside->mac != NULL, channel->key != NOBODY);
		assert_int_equal(inside->protection, channel->flags);
		if (!channel->is_initialised)
			continue;
		assert_true(inside->next_command == channel->next_configure);
		assert_true(inside->next_query == channel->next_query);
	}
}

static void test_random(void **state)
{
	struct kmd_config config;
	unsigned long i = 0;

	(void)state;
	print_message("# seed 0x%" PRIx64 ", %lu calls\n", arg_seed, arg_calls);
	chance_state = arg_seed;
	kf_config(&config);
	config.caps = 0xf9;
	config.channel_types = D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE;
	config.encryption_guids = 2;
	config.has_decode = true;
	config.outputs = 3;
	config.first.output = 500;
	m.kf = kf_start(&config);
	for (int k = 0; k < KEYS; k++) {
		for (int j = 0; j < 16; j++)
			m.keys[k][j] = (uint8_t)chance(256);
		kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", m.keys[k], 16, m.blobs[k]);
	}
	for (int k = 0; k < 2; k++)
		m.guids[k + 1] = *kmd_encryption_at(m.kf->adapter, (uint32_t)k);
	for (int k = 0; k < PROCESSES; k++)
		make_process(k);
	for (int k = 0; k < DEVICES; k++)
		make_device(&m.devices[k]);
	for (int k = 0; k < CHANNELS; k++)
		m.channels[k].key = NOBODY;
	m.dead_handle = 1;
	for (; i < arg_calls; i++) {
		present = i;
		call();
		if (i % 16 == 0)
			look_inside();
	}
	print_message("# %lu accepted, %lu refused\n", m.accepted, m.refused);
	assert_true(m.accepted > arg_calls / 10 && m.refused > arg_calls / 10);
	kf_stop(m.kf);
}

/* Says which call it was, if it was not the last. */
static int teardown_all(void **state)
{
	(void)state;
	if (present + 1 != arg_calls)
		print_error("call %lu of seed 0x%" PRIx64 "\n", present, arg_seed);
	kf_identity_stop();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	if (argc > 1)
		arg_seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		arg_calls = strtoul(argv[2], NULL, 0);
	return cmocka_run_group_tests_name("kmd_channel_random", tests, NULL, teardown_all);
}
