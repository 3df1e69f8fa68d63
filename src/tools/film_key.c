/* SPDX-License-Identifier: MIT */
/* Content keys: reading them from the command line, finding the one that a film needs, handing it to the demuxer. */
#include "film_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/encryption_info.h>
#include <libavutil/opt.h>

enum {
	HEX_DIGITS = 32,
	PROBE_PACKETS = 64, /* a film that is announced as encrypted may begin with clear pictures */
	OTHER_PACKETS = 4096,
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool read_hex(const char *text, size_t length, uint8_t bytes[16])
{
	if (length != HEX_DIGITS)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int film_key_parse(const char *text, struct film_key *ret_key, const char **ret_problem)
{
	const char *colon = strchr(text, ':');
	const char *value = colon ? colon + 1 : text;
	struct film_key key = { .has_id = colon != NULL };
	const char *problem = NULL;

	if (colon && (size_t)(colon - text) != HEX_DIGITS)
		problem = "the key ID must have 32 hexadecimal digits";
	else if (colon && !read_hex(text, HEX_DIGITS, key.id))
		problem = "the key ID has a character that is not a hexadecimal digit";
	else if (strlen(value) != HEX_DIGITS)
		problem = "the key must have 32 hexadecimal digits";
	else if (!read_hex(value, HEX_DIGITS, key.value))
		problem = "the key has a character that is not a hexadecimal digit";

	if (problem)
		*ret_problem = problem;
	else
		*ret_key = key;
	explicit_bzero(&key, sizeof(key));
	return problem ? -EINVAL : 0;
}

void film_key_id_text(const uint8_t id[16], char text[FILM_KEY_ID_TEXT])
{
	for (size_t i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

bool film_key_of_packet(const AVPacket *packet, struct film_protection *ret)
{
	size_t size;
	const uint8_t *data = av_packet_get_side_data(packet, AV_PKT_DATA_ENCRYPTION_INFO, &size);
	struct film_protection protection = { .encrypted = true };
	AVEncryptionInfo *info;

	if (!data)
		return false;
	info = av_encryption_info_get_side_data(data, size);
	if (info && info->key_id_size == sizeof(protection.id)) {
		protection.has_id = true;
		memcpy(protection.id, info->key_id, sizeof(protection.id));
	}
	av_encryption_info_free(info);
	*ret = protection;
	return true;
}

static bool is_announced(const AVFormatContext *format)
{
	for (unsigned int i = 0; i < format->nb_streams; i++) {
		if (av_stream_get_side_data(format->streams[i], AV_PKT_DATA_ENCRYPTION_INIT_INFO, NULL))
			return true;
	}
	return false;
}

void film_key_probe(AVFormatContext *format, struct film_protection *ret)
{
	struct film_protection found = { .announced = is_announced(format) };
	int wanted = found.announced ? PROBE_PACKETS : 1;
	AVPacket *packet = av_packet_alloc();

	for (int i = 0; packet && wanted > 0 && i < OTHER_PACKETS && av_read_frame(format, packet) >= 0; i++) {
		const AVStream *stream = format->streams[packet->stream_index];

		if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
			if (film_key_of_packet(packet, &found))
				wanted = 0;
			wanted--;
		}
		av_packet_unref(packet);
	}
	av_packet_free(&packet);
	*ret = found;
}

enum film_result film_key_apply(struct film *film, const struct film_protection *protection,
				const struct film_key *keys, size_t key_count)
{
	char id[FILM_KEY_ID_TEXT] = "unknown";
	const struct film_key *choice = NULL;

	if (!protection->encrypted && !protection->announced)
		return FILM_OK;
	if (protection->has_id)
		film_key_id_text(protection->id, id);
	if (key_count == 0 && protection->encrypted)
		return film_fail(film, "%s is encrypted (KID %s): give its key with --key", film->name, id);

	for (size_t i = 0; i < key_count; i++) {
		bool same = protection->has_id && keys[i].has_id && memcmp(keys[i].id, protection->id, 16) == 0;

		if (same || (!choice && (!keys[i].has_id || !protection->has_id)))
			choice = &keys[i];
		if (same)
			break;
	}
	if (!choice && protection->encrypted)
		return film_fail(film, "%s is encrypted with the key of KID %s, which is none of the keys given",
				 film->name, id);
	/* As bytes and after the header was read: the key is never text, and never in a dictionary. */
	if (choice && av_opt_set_bin(film->format->priv_data, "decryption_key", choice->value, 16, 0) < 0)
		return film_fail(film, "%s: its demuxer takes no key", film->name);
	return FILM_OK;
}

/* The demuxer frees its copy as it is. An option of binary type is a pointer and, behind it, a length. */
void film_key_wipe(AVFormatContext *format)
{
	const AVOption *option;
	uint8_t *key;

	if (!format || !format->priv_data || !format->iformat || !format->iformat->priv_class)
		return;
	option = av_opt_find(format->priv_data, "decryption_key", NULL, 0, 0);
	if (!option || option->type != AV_OPT_TYPE_BINARY)
		return;
	memcpy(&key, (const uint8_t *)format->priv_data + option->offset, sizeof(key));
	if (key)
		explicit_bzero(key, 16);
}
