/* SPDX-License-Identifier: MIT */
/* Requests that no client library sends: wrong sizes, counts, orders, descriptors, and nonsense (KMT-05, -08, -56). */
#include "driver/driver_private.h"
#include "kernel_fixture.h"

#include <dxvault/d3dcontentprotection.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a client without a library ---------------------------------------------------------------------------- */

struct client {
	struct ik *ik;
	uid_t user;
	struct dxgk_process *process; /* NULL over the wire */
	int socket;
	bool greeted;
	uint8_t *reply_data;
	struct wire_packet reply;
};

/* Somebody else than the one the tests run as, where one can be had. */
static uid_t another_user(void)
{
	return ik_over_wire() && geteuid() != 0 ? geteuid() : geteuid() + 1;
}

static void client_start(struct client *client, struct ik *ik, uid_t user)
{
	*client = (struct client) { .ik = ik, .user = user, .socket = -1, .reply_data = malloc(WIRE_MAX_MESSAGE) };
	if (ik_over_wire()) {
		client->socket = ik_connect(ik, user);
	} else {
		assert_int_equal(dxgk_process_create(ik_acquire(ik), user, &client->process), 0);
		assert_int_equal(dxgk_process_identify(client->process, getpid(), /* birth= */ 0), 0);
		ik_release(ik);
	}
	ik_settle(ik);
}

static void client_stop(struct client *client)
{
	if (client->process) {
		(void)ik_acquire(client->ik);
		dxgk_process_destroy(client->process);
		ik_release(client->ik);
	} else {
		close(client->socket);
	}
	free(client->reply_data);
}

static int client_hello(struct client *client, uint64_t magic, uint32_t version);

/* The service hangs up on whoever talks nonsense, who is back at once, as the next test wants it. */
static int client_ask(struct client *client, const struct wire_packet *request)
{
	if (wire_send(client->socket, request, 0) == 0 && wire_receive(client->socket, &client->reply, 0) == 1)
		return 0;
	close(client->socket);
	client->socket = ik_connect(client->ik, client->user);
	if (client->greeted) {
		client->greeted = false;
		assert_int_equal(client_hello(client, WIRE_MAGIC, WIRE_VERSION), 0);
	}
	client->reply.descriptor_count = 0;
	return -EPROTO;
}

/* Sends bytes as they are, in a buffer of exactly their size, and closes what comes with the reply unless keep says not. */
static int client_send(struct client *client, const void *data, size_t size, const int *descriptors, size_t count,
		       bool keep)
{
	void *copy = malloc(size ? size : 1);
	struct wire_packet request = { .data = copy, .size = size, .capacity = size, .descriptor_count = count };
	int result;

	if (size > 0)
		memcpy(copy, data, size);
	for (size_t i = 0; i < count; i++)
		request.descriptors[i] = descriptors[i];
	client->reply = (struct wire_packet) { .data = client->reply_data, .capacity = WIRE_MAX_MESSAGE };
	memset(client->reply_data, 0xee, sizeof(struct wire_header));
	if (client->process) {
		(void)ik_acquire(client->ik);
		result = dxgk_transact(client->process, &request, &client->reply);
		ik_release(client->ik);
	} else {
		result = client_ask(client, &request);
	}
	free(copy);
	if (!keep)
		for (size_t i = 0; i < client->reply.descriptor_count; i++)
			close(client->reply.descriptors[i]);
	return result;
}

static const struct wire_header *answer(const struct client *client)
{
	return (const struct wire_header *)client->reply_data;
}

static int client_hello(struct client *client, uint64_t magic, uint32_t version)
{
	struct wire_hello hello = {
		.header = { .size = sizeof(hello), .type = WIRE_HELLO, .sequence = 1 },
		.magic = magic,
		.version = version,
	};

	int result = client_send(client, &hello, sizeof(hello), NULL, 0, false);

	client->greeted |= result == 0 && answer(client)->status == STATUS_SUCCESS;
	return result;
}

/* ---- shapes --------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	*state = ik_start(NULL);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static void nothing_comes_before_the_hello(void **state)
{
	struct client client;
	uint8_t *data = calloc(1, WIRE_MAX_MESSAGE);
	struct wire_header *header = (struct wire_header *)data;
	struct dxgk_counts before, after;

	client_start(&client, *state, IK_USER);
	before = ik_counts(*state);
	for (uint32_t type = 0; type < WIRE_TYPE_END + 4; type++) {
		const struct wire_rule *rule = wire_rule_get(type);
		int descriptor = 0;

		if (type == WIRE_HELLO)
			continue;
		*header = (struct wire_header) { .size = rule ? rule->minimum : 16, .type = type };
		assert_int_equal(
			client_send(&client, data, header->size, &descriptor, rule ? rule->descriptors : 0, false),
			-EPROTO);
	}
	/* A wrong hello is answered, by name, and does not count as one. */
	assert_int_equal(client_hello(&client, 0, WIRE_VERSION), 0);
	assert_int_equal(answer(&client)->status, STATUS_INVALID_PARAMETER);
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION + 1), 0);
	assert_int_equal(answer(&client)->status, STATUS_NOT_SUPPORTED);
	*header = (struct wire_header) { .size = 16, .type = WIRE_QUERY_SERVICE };
	assert_int_equal(client_send(&client, data, 16, NULL, 0, false), -EPROTO);
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), 0);
	assert_int_equal(answer(&client)->status, STATUS_SUCCESS);
	assert_int_equal(client_send(&client, data, 16, NULL, 0, false), 0);
	assert_int_equal(answer(&client)->status, STATUS_SUCCESS);
	/* Once. */
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), -EPROTO);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	client_stop(&client);
	free(data);
}

static void every_type_in_every_size(void **state)
{
	struct client client;
	uint8_t *data = malloc(WIRE_MAX_MESSAGE + 64);
	struct wire_header *header = (struct wire_header *)data;
	struct dxgk_counts before, after;
	const int streams[4] = { 0, 0, 0, 0 };

	client_start(&client, *state, IK_USER);
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), 0);
	before = ik_counts(*state);
	for (uint32_t type = 0; type < WIRE_TYPE_END + 4; type++) {
		const struct wire_rule *rule = wire_rule_get(type);
		uint32_t last = !rule ? 64 : rule->maximum == rule->minimum ? rule->maximum + 32 : rule->minimum + 600;

		/* Each of the wrong ones costs a connection. */
		if (rule && ik_over_wire())
			last = rule->minimum + 8;

		if (type == WIRE_HELLO)
			continue;
		for (uint32_t size = 0; size <= last; size++) {
			for (size_t descriptors = 0; descriptors <= 2; descriptors++) {
				bool good = rule && size >= rule->minimum && size <= rule->maximum &&
					    descriptors == rule->descriptors;
				int result;

				memset(data, size & 1 ? 0xff : 0, size);
				*header = (struct wire_header) { .size = size, .type = type, .sequence = size };
				result = client_send(&client, data, size, streams, descriptors, false);
				assert_int_equal(result, good ? 0 : -EPROTO);
				if (!good)
					continue;
				assert_int_equal(answer(&client)->type, type);
				assert_int_equal(answer(&client)->sequence, size);
				assert_int_equal(answer(&client)->size, client.reply.size);
			}
		}
		if (rule && rule->maximum == WIRE_MAX_MESSAGE) {
			memset(data, 0xff, WIRE_MAX_MESSAGE + 1);
			*header = (struct wire_header) { .size = WIRE_MAX_MESSAGE, .type = type };
			assert_int_equal(client_send(&client, data, WIRE_MAX_MESSAGE, NULL, 0, false), 0);
			assert_int_not_equal(answer(&client)->status, STATUS_SUCCESS);
			header->size++;
			assert_int_equal(client_send(&client, data, WIRE_MAX_MESSAGE + 1, NULL, 0, false), -EPROTO);
		}
		/* A length that is not the message's own. */
		if (rule) {
			memset(data, 0, rule->minimum);
			for (int by = -1; by <= 1; by += 2) {
				*header = (struct wire_header) { .size = rule->minimum + (uint32_t)by, .type = type };
				assert_int_equal(
					client_send(&client, data, rule->minimum, streams, rule->descriptors, false),
					-EPROTO);
			}
		}
	}
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	client_stop(&client);
	free(data);
}

static void nonsense_ends_the_connection(void **state)
{
	struct kmt_connection *process = ik_process(*state);
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session = ik_session(device, ik_fence(device));
	D3DKMT_PROTECTED_SESSION_STATUS is;
	struct kmt_call call;

	assert_int_equal(ik_counts(*state).sessions, 1);
	assert_non_null(kmt_begin(&call, WIRE_CLOSE_ADAPTER, sizeof(struct wire_header)));
	assert_int_equal(kmt_transact(&call, sizeof(struct wire_header)), STATUS_DEVICE_REMOVED);
	kmt_end(&call);
	ik_assert_empty(*state);
	assert_int_equal(ik_counts(*state).processes, 0);
	assert_true(kmt_connection_is_lost(process));
	assert_int_equal(ik_destroy_session(session), STATUS_DEVICE_REMOVED);
	if (ik_query_status(session, &is) == STATUS_SUCCESS)
		assert_int_equal(is, D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
	/* Another one is served. */
	ik_process(*state);
	device = ik_device();
	ik_assert_status(ik_session(device, ik_fence(device)), OK);
}

/* ---- counts and sizes inside a message ------------------------------------------------------------------------- */

static uint32_t ask_handle(struct client *client, uint32_t type, const void *data, size_t size)
{
	uint8_t copy[2048];

	memcpy(copy, data, size);
	*(struct wire_header *)copy = (struct wire_header) { .size = (uint32_t)size, .type = type };
	assert_int_equal(client_send(client, copy, size, NULL, 0, false), 0);
	assert_int_equal(answer(client)->status, STATUS_SUCCESS);
	/* A created allocation's own handles stand behind the resource's. */
	return type == WIRE_CREATE_ALLOCATION ? ((const struct wire_create_allocation *)client->reply_data)->resource
					      : ((const struct wire_handle *)client->reply_data)->handle;
}

static uint32_t raw_device(struct client *client)
{
	struct wire_adapter open = { 0 };
	struct wire_handle create = { 0 };
	struct wire_header list = { .size = sizeof(list), .type = WIRE_ENUM_ADAPTERS };

	assert_int_equal(client_send(client, &list, sizeof(list), NULL, 0, false), 0);
	open.luid_low = ((const struct wire_adapter *)client->reply_data)->luid_low;
	open.luid_high = ((const struct wire_adapter *)client->reply_data)->luid_high;
	create.handle = ask_handle(client, WIRE_OPEN_ADAPTER, &open, sizeof(open));
	return ask_handle(client, WIRE_CREATE_DEVICE, &create, sizeof(create));
}

static void counts_that_lie(void **state)
{
	static const uint32_t lies[] = { 0, 1, 2, 3, 4, 63, 64, 65, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
	static const uint32_t sizes[] = { 0, 1, 15, 16, 24, 64, 65536, 65537, 0x7fffffff, 0xffffff00, 0xffffffff };
	struct client client;
	union {
		struct wire_create_allocation allocation;
		struct wire_create_session session;
		struct wire_share_objects share;
		struct wire_signal_fences signal;
		struct wire_escape escape;
		struct wire_query_adapter_info info;
		struct wire_header header;
		uint8_t bytes[4096];
	} message;
	struct wire_create_fence fence = { .type = D3DDDI_MONITORED_FENCE, .flags = 3 };
	struct dxgk_counts before, after;
	size_t allocations = 0;

	client_start(&client, *state, IK_USER);
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), 0);
	fence.device = raw_device(&client);
	(void)ask_handle(&client, WIRE_CREATE_FENCE, &fence, sizeof(fence));
	before = ik_counts(*state);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
				size_t length = sizeof(message.allocation) + (i * 37 + j * 24 + k * 8) % 3000;

				memset(&message, 0, sizeof(message));
				message.allocation.header = (struct wire_header) {
					.size = (uint32_t)length,
					.type = WIRE_CREATE_ALLOCATION,
				};
				message.allocation.device = fence.device;
				message.allocation.count = lies[i];
				message.allocation.runtime_size = sizes[j];
				message.allocation.driver_size = sizes[k];
				assert_int_equal(client_send(&client, &message, length, NULL, 0, false), 0);
				allocations += answer(&client)->status == STATUS_SUCCESS;
				message.session.header = (struct wire_header) {
					.size = (uint32_t)length,
					.type = WIRE_CREATE_SESSION,
				};
				message.session.device = fence.device;
				message.session.fence = 0; /* never made */
				message.session.driver_size = sizes[j];
				message.session.runtime_size = sizes[k];
				assert_int_equal(client_send(&client, &message, length, NULL, 0, false), 0);
				assert_int_equal(answer(&client)->status, STATUS_INVALID_PARAMETER);
			}
		}
		memset(&message, 0, sizeof(message));
		message.share.header = (struct wire_header) { .size = sizeof(message.share),
							      .type = WIRE_SHARE_OBJECTS };
		message.share.count = lies[i];
		assert_int_equal(client_send(&client, &message, sizeof(message.share), NULL, 0, false), 0);
		assert_int_equal(answer(&client)->status, STATUS_INVALID_PARAMETER);
		message.signal.header = (struct wire_header) { .size = sizeof(message.signal),
							       .type = WIRE_SIGNAL_FENCES };
		message.signal.device = fence.device;
		message.signal.count = lies[i];
		assert_int_equal(client_send(&client, &message, sizeof(message.signal), NULL, 0, false), 0);
		assert_int_equal(answer(&client)->status, STATUS_INVALID_PARAMETER);
	}
	/* The driver of these tests takes no empty private data, so none of them was made. */
	assert_int_equal(allocations, 0);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	assert_int_equal(ik_recorder.creates, 0);
	client_stop(&client);
}

static void a_present_knows_three_flags(void **state) /* AC-113 */
{
	struct {
		struct wire_create_allocation head;
		struct wire_create_allocation_item item;
		struct ik_allocation_data data;
	} allocation = {
		.head = { .count = 1 },
		.item = { .private_size = sizeof(allocation.data) },
		.data = { .size = 64 },
	};
	struct wire_handle context = { 0 };
	struct wire_present present = { .header = { .size = sizeof(present), .type = WIRE_PRESENT } };
	struct client client;

	client_start(&client, *state, IK_USER);
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), 0);
	allocation.head.device = context.handle = raw_device(&client);
	present.context = ask_handle(&client, WIRE_CREATE_CONTEXT, &context, sizeof(context));
	(void)ask_handle(&client, WIRE_CREATE_ALLOCATION, &allocation, sizeof(allocation));
	present.allocation = ((const struct wire_create_allocation_item *)(client.reply_data + 40))->allocation;
	for (uint32_t bit = 0; bit <= 32; bit++) {
		present.flags = (uint32_t)(1ull << bit);
		assert_int_equal(client_send(&client, &present, sizeof(present), NULL, 0, false), 0);
		assert_int_equal(answer(&client)->status,
				 bit < 3 || bit == 32 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
		if (bit < 3)
			assert_int_equal(ik_recorder.picture.is_flip, bit == 0);
	}
	client_stop(&client);
}

/* AC-127: who asks is known before it is greeted, and by nothing that it says; who is refused learns nothing. */
static void a_token_comes_with_the_welcome_alone(void **state)
{
	const struct wire_welcome *welcome;
	struct client client;

	client_start(&client, *state, IK_USER);
	welcome = (const struct wire_welcome *)client.reply_data;
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION + 1), 0);
	assert_int_equal(client.reply.size, sizeof(struct wire_hello));
	assert_int_equal(client_hello(&client, 0, WIRE_VERSION), 0);
	assert_int_equal(client.reply.size, sizeof(struct wire_header));
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), 0);
	assert_int_equal(client.reply.size, sizeof(*welcome));
	assert_true(welcome->token != 0);
	client_stop(&client);
}

static void nobody_is_designated_by_nonsense(void **state) /* AC-133 */
{
	struct wire_designate_compositor request = {
		.header = { .size = sizeof(request), .type = WIRE_DESIGNATE_COMPOSITOR },
	};
	struct client client;
	uint64_t own;

	client_start(&client, *state, geteuid());
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), 0);
	own = ((const struct wire_welcome *)client.reply_data)->token;
	for (int bit = -1; bit < 64; bit++) {
		request.token = bit < 0 ? own : own ^ 1ull << bit;
		assert_int_equal(client_send(&client, &request, sizeof(request), NULL, 0, false), 0);
		assert_int_equal(answer(&client)->status, bit < 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
	}
	(void)ik_acquire(*state);
	assert_int_equal((uintptr_t)ik_recorder.interface->GetCompositor(ik_recorder.interface->DeviceHandle), own);
	ik_release(*state);
	client_stop(&client);
}

static void descriptors_of_the_wrong_kind(void **state) /* KMT-51, KMT-52, KMT-56 */
{
	static const uint32_t types[] = { WIRE_OPEN_FENCE, WIRE_QUERY_RESOURCE, WIRE_OPEN_RESOURCE, WIRE_QUERY_SESSION,
					  WIRE_OPEN_SESSION };
	struct client client;
	D3DKMT_HANDLE device;
	int ends[2], foreign[5];
	struct dxgk_counts before, after;
	int nt_session, nt_fence;

	ik_process(*state);
	device = ik_device();
	nt_fence = ik_share(ik_fence(device));
	nt_session = ik_share(ik_session(device, ik_fence(device)));
	client_start(&client, *state, another_user());
	assert_int_equal(client_hello(&client, WIRE_MAGIC, WIRE_VERSION), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	foreign[0] = ends[0];
	foreign[1] = ends[1];
	foreign[2] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	foreign[3] = dxgk_poll_descriptor(ik_acquire(*state));
	ik_release(*state);
	foreign[4] = -1;
	before = ik_counts(*state);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct wire_rule *rule = wire_rule_get(types[i]);
		uint8_t message[64] = { 0 };
		bool is_session = types[i] == WIRE_QUERY_SESSION || types[i] == WIRE_OPEN_SESSION;

		*(struct wire_header *)message = (struct wire_header) { .size = rule->minimum, .type = types[i] };
		for (size_t j = 0; j < sizeof(foreign) / sizeof(foreign[0]); j++) {
			if (foreign[j] < 0 && ik_over_wire())
				continue; /* can't be sent */
			assert_int_equal(client_send(&client, message, rule->minimum, &foreign[j], 1, false), 0);
			assert_int_equal(answer(&client)->status, STATUS_INVALID_HANDLE);
		}
		if (!is_session) {
			assert_int_equal(client_send(&client, message, rule->minimum, &nt_session, 1, false), 0);
			assert_int_equal(answer(&client)->status, STATUS_OBJECT_TYPE_MISMATCH);
		}
		if (types[i] != WIRE_OPEN_FENCE) {
			assert_int_equal(client_send(&client, message, rule->minimum, &nt_fence, 1, false), 0);
			assert_int_equal(answer(&client)->status, STATUS_OBJECT_TYPE_MISMATCH);
		}
	}
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	client_stop(&client);
	close(ends[0]);
	close(ends[1]);
	close(foreign[2]);
	close(nt_session);
	close(nt_fence);
}

/* ---- nonsense at random, with a memory ------------------------------------------------------------------------- */

enum { POOL = 64, DESCRIPTORS = 12, CHANNELS = 8 };

struct fuzz {
	uint64_t random;
	struct client clients[2];
	uint32_t handles[2][POOL];	 /* what replies told, live or long gone */
	uint32_t last[2][WIRE_TYPE_END]; /* of each type that makes something */
	uint64_t channels[CHANNELS];	 /* of both clients: the driver gives the numbers */
	int descriptors[DESCRIPTORS];	 /* NT handles that replies brought, and strangers */
	bool real;
	uint32_t sane; /* one message in so many is of a wrong length, one in so many has too many descriptors */
	size_t good, refused, nonsense;
};

static uint32_t draw(struct fuzz *fuzz, uint32_t below)
{
	fuzz->random ^= fuzz->random << 13;
	fuzz->random ^= fuzz->random >> 7;
	fuzz->random ^= fuzz->random << 17;
	return (uint32_t)(fuzz->random >> 20) % below;
}

static uint32_t draw_word(struct fuzz *fuzz, int who)
{
	static const uint32_t known[] = { 0,	      1,	  2,	      3,	  4,	      5,
					  15,	      16,	  21,	      64,	  65,	      4096,
					  65535,      65536,	  0x44585631, 0x31565844, 0x7fffffff, 0x80000000,
					  0xffffffff, 0x40000000, 0x3231564e, 0x20000,	  0x10000000 };

	switch (draw(fuzz, 8)) {
	case 0:
	case 1:
	case 2:
		return fuzz->handles[who][draw(fuzz, POOL)];
	case 3:
		return fuzz->handles[!who][draw(fuzz, POOL)];
	case 4:
	case 5:
		return known[draw(fuzz, sizeof(known) / sizeof(known[0]))];
	case 6:
		return draw(fuzz, 128);
	default:
		return draw(fuzz, UINT32_MAX);
	}
}

/* A command or a query of a channel: what it is about, and which one. */
static void seed_message(struct fuzz *fuzz, struct drv_escape_message *message)
{
	static const GUID *const types[] = {
		&D3DAUTHENTICATEDQUERY_PROTECTION,	   &D3DAUTHENTICATEDQUERY_CHANNELTYPE,
		&D3DAUTHENTICATEDQUERY_DEVICEHANDLE,	   &D3DAUTHENTICATEDQUERY_OUTPUTID,
		&D3DAUTHENTICATEDQUERY_CRYPTOSESSION,	   &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS,
		&D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE, &D3DAUTHENTICATEDCONFIGURE_PROTECTION,
		&D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION,  &D3DAUTHENTICATEDCONFIGURE_INITIALIZE,
	};
	static const uint32_t input_sizes[] = { 32, 36, 40, 48, 56, 64, 72 };
	static const uint32_t output_sizes[] = { 48, 56, 64, 72, 80 };
	const bool is_query = message->header.command == DRV_COMMAND_QUERY_CHANNEL;
	const uint64_t channel = fuzz->channels[draw(fuzz, CHANNELS)];
	/* A command has its tag before that. */
	uint8_t *at = message->input + (is_query ? 0 : 16);

	memcpy(at, types[draw(fuzz, sizeof(types) / sizeof(types[0]))], sizeof(GUID));
	memcpy(at + 16, &channel, sizeof(channel));
	message->channel = draw(fuzz, 2) ? channel : 0;
	message->input_size = input_sizes[draw(fuzz, sizeof(input_sizes) / sizeof(input_sizes[0]))];
	message->output_size = is_query ? output_sizes[draw(fuzz, sizeof(output_sizes) / sizeof(output_sizes[0]))] : 48;
}

/* A message that would be understood, of handles that may live. Returns its size. */
static size_t seed(struct fuzz *fuzz, int who, uint32_t type, uint8_t *message)
{
	static const struct drv_session bare = { .magic = DRV_MAGIC };
	const uint32_t *last = fuzz->last[who];
	size_t size = wire_rule_get(type)->minimum;

	memset(message, 0, 4096);
	switch (type) {
	case WIRE_OPEN_ADAPTER: {
		struct wire_adapter *m = (void *)message;

		m->luid_low = 0x44585631u;
		break;
	}
	case WIRE_CREATE_DEVICE:
	case WIRE_CLOSE_ADAPTER:
		((struct wire_handle *)message)->handle = last[WIRE_OPEN_ADAPTER];
		break;
	case WIRE_CREATE_CONTEXT:
	case WIRE_DESTROY_DEVICE:
	case WIRE_OPEN_FENCE:
	case WIRE_GET_DEVICE_STATE:
		((struct wire_handle *)message)->handle = last[WIRE_CREATE_DEVICE];
		if (type == WIRE_GET_DEVICE_STATE)
			((struct wire_device_state *)message)->type = D3DKMT_DEVICESTATE_EXECUTION;
		break;
	case WIRE_DESTROY_CONTEXT:
		((struct wire_handle *)message)->handle = last[WIRE_CREATE_CONTEXT];
		break;
	case WIRE_CREATE_FENCE: {
		struct wire_create_fence *m = (void *)message;

		m->device = last[WIRE_CREATE_DEVICE];
		m->type = draw(fuzz, 4) ? D3DDDI_MONITORED_FENCE : D3DDDI_FENCE;
		m->flags = draw(fuzz, 4) ? 3 : 0;
		break;
	}
	case WIRE_DESTROY_FENCE:
		((struct wire_handle *)message)->handle = last[WIRE_CREATE_FENCE];
		break;
	case WIRE_SIGNAL_FENCES: {
		struct wire_signal_fences *m = (void *)message;

		m->device = last[WIRE_CREATE_DEVICE];
		m->count = 1;
		m->signals[0].fence = last[WIRE_CREATE_FENCE];
		m->signals[0].value = draw(fuzz, 100);
		break;
	}
	case WIRE_CREATE_MEMORY: {
		struct wire_create_memory *m = (void *)message;

		m->device = last[WIRE_CREATE_DEVICE];
		m->size = 1 + draw(fuzz, 20000);
		break;
	}
	case WIRE_DESTROY_MEMORY:
		((struct wire_handle *)message)->handle = last[WIRE_CREATE_MEMORY];
		break;
	case WIRE_CREATE_ALLOCATION: {
		struct wire_create_allocation *m = (void *)message;
		struct wire_create_allocation_item *items = (void *)(m + 1);
		uint8_t *data;

		m->device = last[WIRE_CREATE_DEVICE];
		m->shared = draw(fuzz, 2);
		m->count = 1 + draw(fuzz, 3);
		m->runtime_size = draw(fuzz, 20);
		m->driver_size = draw(fuzz, 20);
		data = (uint8_t *)(items + m->count) + m->runtime_size + m->driver_size;
		for (uint32_t i = 0; i < m->count; i++) {
			struct drv_allocation real = {
				.magic = DRV_MAGIC,
				.format = D3DDDIFMT_A8R8G8B8,
				.width = 16,
				.height = 1 + draw(fuzz, 8),
				.rotation = D3DDDI_ROTATION_IDENTITY,
				.refresh_numerator = 60,
				.refresh_denominator = 1,
			};
			struct ik_allocation_data recorded = { .visible = draw(fuzz, 2), .size = 1 + draw(fuzz, 5000) };
			D3DDDI_RESOURCEFLAGS flags = { .RestrictedContent = 1 };

			if (draw(fuzz, 2)) {
				real.pool = D3DDDIPOOL_VIDEOMEMORY;
				real.flags = flags.Value;
			} else {
				real.pool = D3DDDIPOOL_SYSTEMMEM;
			}
			if (draw(fuzz, 3) == 0)
				items[i].memory = last[WIRE_CREATE_MEMORY];
			items[i].offset = draw(fuzz, 2) ? 0 : draw(fuzz, 20000);
			items[i].private_size = fuzz->real ? sizeof(real) : sizeof(recorded);
			memcpy(data, fuzz->real ? (void *)&real : (void *)&recorded, items[i].private_size);
			data += items[i].private_size;
		}
		size = (size_t)(data - message);
		break;
	}
	case WIRE_DESTROY_ALLOCATION:
		((struct wire_handle *)message)->handle = last[WIRE_CREATE_ALLOCATION];
		break;
	case WIRE_LOCK_ALLOCATION:
	case WIRE_OPEN_RESOURCE: {
		struct wire_lock_allocation *m = (void *)message;

		m->device = last[WIRE_CREATE_DEVICE];
		if (type == WIRE_LOCK_ALLOCATION)
			m->allocation = last[WIRE_CREATE_ALLOCATION] + 0x40;
		break;
	}
	case WIRE_SHARE_OBJECTS: {
		static const uint32_t kinds[] = { WIRE_CREATE_SESSION, WIRE_CREATE_FENCE, WIRE_CREATE_ALLOCATION };
		struct wire_share_objects *m = (void *)message;

		m->count = 1;
		m->access = draw(fuzz, 4) ? GENERIC_ALL : 0;
		m->objects[0] = last[kinds[draw(fuzz, 3)]];
		break;
	}
	case WIRE_ESCAPE: {
		struct wire_escape *m = (void *)message;
		struct drv_escape *real = (void *)(m + 1);
		struct ik_escape_data *recorded = (void *)(m + 1);

		m->adapter = last[WIRE_OPEN_ADAPTER];
		m->device = last[WIRE_CREATE_DEVICE];
		if (fuzz->real) {
			static const uint32_t sizes[] = { 16, 16, 272, 32, 32,	32,  80,  80, 24,
							  24, 24, 32,  32, 280, 192, 192, 40, 40 };
			/* The channel, or the decode device, stands in the same place in all of them. */
			struct drv_escape_channel *channel = (void *)(m + 1);
			struct drv_escape_blt *blt = (void *)(m + 1);

			real->command = draw(fuzz, sizeof(sizes) / sizeof(sizes[0]));
			real->magic = DRV_MAGIC;
			real->session = last[WIRE_CREATE_SESSION];
			m->size = sizes[real->command];
			if (m->size == 80) {
				blt->source = fuzz->handles[who][draw(fuzz, POOL)];
				blt->destination = fuzz->handles[who][draw(fuzz, POOL)];
				blt->size = 64 * draw(fuzz, 9);
			}
			if (real->command >= DRV_COMMAND_CREATE_CHANNEL)
				channel->channel = fuzz->channels[draw(fuzz, CHANNELS)];
			if (real->command == DRV_COMMAND_CREATE_CHANNEL) {
				channel->channel = 0;
				channel->type = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE;
			}
			if (m->size == sizeof(struct drv_escape_message))
				seed_message(fuzz, (void *)(m + 1));
		} else {
			m->size = sizeof(*recorded);
			recorded->object = fuzz->handles[who][draw(fuzz, POOL)];
			recorded->type = draw(fuzz, 2) ? DXGK_HANDLE_ALLOCATION
						       : (uint32_t)DXGK_HANDLE_PROTECTED_SESSION;
			recorded->device_specific = draw(fuzz, 2);
			recorded->offset = draw(fuzz, 5000);
			recorded->has_value = draw(fuzz, 2);
		}
		size = sizeof(*m) + m->size;
		break;
	}
	case WIRE_PRESENT: {
		struct wire_present *m = (void *)message;

		m->context = last[WIRE_CREATE_CONTEXT];
		m->allocation = last[WIRE_CREATE_ALLOCATION] + 0x40;
		m->flags = draw(fuzz, WIRE_PRESENT_FLAGS + 1);
		m->source.right = m->destination.right = 16;
		m->source.bottom = m->destination.bottom = 1;
		break;
	}
	case WIRE_CREATE_SESSION: {
		struct wire_create_session *m = (void *)message;
		struct drv_session crypto = bare;

		crypto.crypto_type = D3DCRYPTOTYPE_AES128_CTR;
		m->device = last[WIRE_CREATE_DEVICE];
		m->fence = last[WIRE_CREATE_FENCE];
		m->driver_size = sizeof(crypto);
		m->runtime_size = draw(fuzz, 50);
		memcpy(m + 1, &crypto, sizeof(crypto));
		size = sizeof(*m) + m->driver_size + m->runtime_size;
		break;
	}
	case WIRE_DESTROY_SESSION:
		((struct wire_handle *)message)->handle = last[WIRE_CREATE_SESSION];
		break;
	case WIRE_QUERY_ADAPTER_INFO: {
		struct wire_query_adapter_info *m = (void *)message;

		m->adapter = last[WIRE_OPEN_ADAPTER];
		m->type = draw(fuzz, 2) ? draw(fuzz, 80) : KMTQAITYPE_UMDRIVERPRIVATE;
		m->size = draw(fuzz, 4) ? 24 : draw(fuzz, 600);
		if (m->type == KMTQAITYPE_UMDRIVERPRIVATE && m->size >= 16) {
			struct drv_query query = { .magic = DRV_MAGIC, .type = draw(fuzz, 5), .leaf = draw(fuzz, 4) };

			memcpy(m + 1, &query, sizeof(query));
		}
		size = sizeof(*m) + m->size;
		break;
	}
	default:
		break;
	}
	*(struct wire_header *)message =
		(struct wire_header) { .size = (uint32_t)size, .type = type, .sequence = draw(fuzz, 1000) };
	return size;
}

/* Changes some words behind the header; sometimes the length, sometimes the header. */
static size_t mutate(struct fuzz *fuzz, int who, uint8_t *message, size_t size)
{
	uint32_t changes = draw(fuzz, 4) ? draw(fuzz, 4) : draw(fuzz, 40);

	while (changes-- > 0 && size > sizeof(struct wire_header) + 4) {
		size_t place = sizeof(struct wire_header) +
			       draw(fuzz, (uint32_t)((size - sizeof(struct wire_header)) / 4)) * 4;
		uint32_t word = draw_word(fuzz, who);

		memcpy(message + place, &word, sizeof(word));
	}
	if (draw(fuzz, fuzz->sane) == 0) {
		size = draw(fuzz, 2) ? draw(fuzz, (uint32_t)size + 1) : size + draw(fuzz, 64);
		if (draw(fuzz, 4) && size >= sizeof(struct wire_header))
			((struct wire_header *)message)->size = (uint32_t)size;
	}
	if (draw(fuzz, 200) == 0)
		message[draw(fuzz, 16)] ^= (uint8_t)(1u << draw(fuzz, 8));
	return size;
}

static void remember(struct fuzz *fuzz, int who, uint32_t handle)
{
	fuzz->handles[who][draw(fuzz, POOL)] = handle;
}

static void take_reply(struct fuzz *fuzz, int who, uint32_t type)
{
	struct client *client = &fuzz->clients[who];
	size_t keep = 0;

	switch (type) {
	case WIRE_OPEN_ADAPTER:
	case WIRE_CREATE_DEVICE:
	case WIRE_CREATE_CONTEXT:
	case WIRE_CREATE_FENCE:
	case WIRE_CREATE_MEMORY:
	case WIRE_CREATE_SESSION:
	case WIRE_OPEN_SESSION:
	case WIRE_OPEN_FENCE:
		fuzz->last[who][type] = ((const struct wire_handle *)client->reply_data)->handle;
		remember(fuzz, who, fuzz->last[who][type]);
		break;
	case WIRE_CREATE_ALLOCATION:
	case WIRE_OPEN_RESOURCE: {
		const struct wire_create_allocation *reply = (const void *)client->reply_data;
		const struct wire_create_allocation_item *items = (const void *)(client->reply_data + 40);
		uint32_t count = type == WIRE_CREATE_ALLOCATION
					 ? reply->count
					 : ((const struct wire_open_resource *)client->reply_data)->count;

		fuzz->last[who][WIRE_CREATE_ALLOCATION] = reply->resource;
		remember(fuzz, who, reply->resource);
		for (uint32_t i = 0; i < count; i++)
			remember(fuzz, who, items[i].allocation);
		break;
	}
	case WIRE_ESCAPE: {
		const struct drv_escape_channel *made = (const void *)(client->reply_data + sizeof(struct wire_escape));

		if (fuzz->real && client->reply.size == sizeof(struct wire_escape) + sizeof(*made) &&
		    made->header.command == DRV_COMMAND_CREATE_CHANNEL && made->header.result == S_OK)
			fuzz->channels[draw(fuzz, CHANNELS)] = made->channel;
		break;
	}
	case WIRE_SHARE_OBJECTS: {
		size_t place = 3 + draw(fuzz, DESCRIPTORS - 3);

		close(fuzz->descriptors[place]);
		fuzz->descriptors[place] = client->reply.descriptors[0];
		keep = 1;
		break;
	}
	default:
		break;
	}
	for (size_t i = keep; i < client->reply.descriptor_count; i++)
		close(client->reply.descriptors[i]);
}

static void fuzz_one(struct fuzz *fuzz, struct ik *ik)
{
	uint8_t message[4096 + 64];
	int who = (int)draw(fuzz, 2);
	struct client *client = &fuzz->clients[who];
	uint32_t type = 1 + draw(fuzz, WIRE_TYPE_END - 1), sequence, sent_type;
	struct dxgk_counts before, after;
	const struct wire_rule *rule;
	size_t size, count;
	int descriptors[2], result;

	/* What ends much is asked less often; and the sessions' last handle may be an opened one. */
	if ((type == WIRE_DESTROY_DEVICE || type == WIRE_CLOSE_ADAPTER) && draw(fuzz, 8))
		type = WIRE_CREATE_DEVICE;
	if (type == WIRE_INVALIDATE && draw(fuzz, 20))
		type = WIRE_CREATE_SESSION;
	if (!wire_rule_get(type))
		return;
	size = seed(fuzz, who, type, message);
	if (draw(fuzz, 3))
		size = mutate(fuzz, who, message, size);
	sent_type = ((struct wire_header *)message)->type;
	sequence = ((struct wire_header *)message)->sequence;
	rule = wire_rule_get(sent_type);
	count = rule && draw(fuzz, fuzz->sane) ? rule->descriptors : draw(fuzz, 3);
	for (size_t i = 0; i < count; i++)
		descriptors[i] = fuzz->descriptors[draw(fuzz, DESCRIPTORS)];

	before = ik_counts(ik);
	result = client_send(client, message, size, descriptors, count, true);
	after = ik_counts(ik);
	if (result != 0) {
		assert_int_equal(result, -EPROTO);
		/* Over the wire it cost the client all that it had. */
		if (client->process)
			assert_memory_equal(&before, &after, sizeof(after));
		assert_int_equal(client->reply.descriptor_count, 0);
		fuzz->nonsense++;
		return;
	}
	assert_int_equal(answer(client)->type, sent_type);
	assert_int_equal(answer(client)->sequence, sequence);
	assert_int_equal(answer(client)->size, client->reply.size);
	assert_true(client->reply.size <= WIRE_MAX_MESSAGE);
	if (answer(client)->status == STATUS_SUCCESS) {
		fuzz->good++;
		take_reply(fuzz, who, sent_type);
		return;
	}
	fuzz->refused++;
	assert_memory_equal(&before, &after, sizeof(after));
	assert_int_equal(client->reply.descriptor_count, 0);
	if (answer(client)->status != STATUS_BUFFER_TOO_SMALL)
		assert_int_equal(client->reply.size, sizeof(struct wire_header));
}

static void fuzz_run(uint64_t begin, bool real, size_t messages)
{
	struct fuzz fuzz = { .random = begin, .real = real, .sane = ik_over_wire() ? 300 : 30 };
	struct ik_options options = { .real_driver = real };
	const size_t turn = 10000;

	if (ik_over_wire())
		messages /= 10;

	dxgk_limits_default(&options.limits);
	options.limits.shared_bytes = 1 << 20;
	options.limits.protected_bytes = 1 << 20;
	options.limits.handles = 2000;
	options.limits.nt_handles = 30;
	for (size_t done = 0; done < messages; done += turn) {
		struct ik *ik = ik_start(&options);
		int ends[2];

		memset(fuzz.handles, 0, sizeof(fuzz.handles));
		memset(fuzz.last, 0, sizeof(fuzz.last));
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
		for (int i = 0; i < DESCRIPTORS; i++)
			fuzz.descriptors[i] = i == 0   ? ends[0]
					      : i == 1 ? ends[1]
						       : open("/dev/null", O_RDWR | O_CLOEXEC);
		/* One is the operator as well. */
		client_start(&fuzz.clients[0], ik, geteuid());
		client_start(&fuzz.clients[1], ik, another_user());
		assert_int_equal(client_hello(&fuzz.clients[0], WIRE_MAGIC, WIRE_VERSION), 0);
		assert_int_equal(client_hello(&fuzz.clients[1], WIRE_MAGIC, WIRE_VERSION), 0);
		for (size_t i = 0; i < turn; i++)
			fuzz_one(&fuzz, ik);
		for (int i = 0; i < DESCRIPTORS; i++)
			close(fuzz.descriptors[i]);
		client_stop(&fuzz.clients[0]);
		client_stop(&fuzz.clients[1]);
		ik_stop(ik);
	}
	print_message("# %zu good, %zu refused, %zu nonsense\n", fuzz.good, fuzz.refused, fuzz.nonsense);
	/* It got somewhere. */
	assert_true(fuzz.good > messages / 10);
	assert_true(fuzz.refused > messages / 10);
	assert_true(fuzz.nonsense > messages / (ik_over_wire() ? 1000 : 100));
}

static void random_requests_to_a_recording_driver(void **state)
{
	(void)state;
	fuzz_run(0x9e3779b97f4a7c15, /* real= */ false, 300000);
}

static void random_requests_to_the_real_driver(void **state)
{
	(void)state;
	fuzz_run(0xd1b54a32d192ed03, /* real= */ true, 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(nothing_comes_before_the_hello),
		CASE(every_type_in_every_size),
		CASE(nonsense_ends_the_connection),
		CASE(counts_that_lie),
		CASE(a_present_knows_three_flags),
		CASE(a_token_comes_with_the_welcome_alone),
		CASE(nobody_is_designated_by_nonsense),
		CASE(descriptors_of_the_wrong_kind),
		cmocka_unit_test(random_requests_to_a_recording_driver),
		cmocka_unit_test(random_requests_to_the_real_driver),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
