/**
 * How many arguments each function reads. A call with more is refused: an argument that is silently
 * ignored would give a wrong result.
 */
const namesByCount: Readonly<Record<number, string>> = {
  0: "pi new_guid ingestion_time",
  1: `tostring tolong toint toreal todouble tobool toboolean todatetime totimespan totime toguid
    todecimal todynamic toobject parse_json parsejson isempty isnotempty notempty isnull
    isnotnull notnull not gettype now ago dayofweek dayofmonth dayofyear hourofday monthofyear
    getmonth getyear week_of_year weekofyear unixtime_seconds_todatetime
    unixtime_milliseconds_todatetime unixtime_microseconds_todatetime
    unixtime_nanoseconds_todatetime strlen string_size reverse tolower toupper
    base64_encode_tostring base64_decode_tostring base64_encodestring base64_decodestring
    base64_decode_toarray base64_encode_fromarray url_encode url_encode_component url_decode
    to_utf8 unicode_codepoints_from_string toutf8 isutf8 isascii parse_version parse_csv
    dynamic_to_json regex_quote ipv4_is_private ipv4_netmask_suffix parse_ipv4 parse_ipv6
    parse_url parse_urlquery parse_path array_length array_reverse bag_keys treepath
    array_sum pack_all abs ceiling sign sqrt exp exp2 exp10 log
    log2 log10 sin cos tan asin acos atan radians degrees isnan isinf isfinite binary_not
    bitset_count_ones hash_md5 hash_sha1 hash_sha256 rand parse_xml geo_info_from_ip_address
    series_fit_line series_fit_line_dynamic series_abs series_acos series_asin series_atan
    series_ceiling series_cos series_exp series_floor series_log series_sign series_sin series_tan
    series_sum series_product series_magnitude cot erf erfc gamma loggamma
    gzip_compress_to_base64_string gzip_decompress_from_base64_string
    zlib_compress_to_base64_string zlib_decompress_from_base64_string punycode_from_string
    punycode_to_string punycode_domain_from_string punycode_domain_to_string column_names_of
    dcount_hll bin_auto arraylength parseurl parseurlquery base64_decode_toguid base64_encode_fromguid`,
  2: `bin floor startofday startofweek startofmonth startofyear endofday endofweek endofmonth
    endofyear datetime_part datepart format_datetime format_timespan strcat_array array_strcat strcmp
    parse_command_line tohex trim trim_start trim_end ipv4_is_in_range
    parse_ipv4_mask format_ipv4 format_ipv4_mask has_ipv4 has_ipv4_prefix parse_ipv6_mask
    ipv6_is_in_range array_split bag_has_key bag_remove_keys bag_zip set_has_element set_equals
    jaccard_index repeat has_any_index column_ifexists columnifexists pow atan2 round binary_and
    binary_or binary_xor binary_shift_left binary_shift_right hash hash_xxhash64 row_number
    row_cumsum row_rank_dense row_rank_min datetime_utc_to_local datetime_local_to_utc
    array_rotate_left array_rotate_right series_add series_subtract series_multiply series_divide
    series_pow series_equals series_not_equals series_less series_less_equals series_greater
    series_greater_equals series_dot_product series_cosine_similarity series_pearson_correlation
    series_stats series_stats_dynamic series_seasonal series_fill_forward series_fill_backward
    assert ipv4_range_to_cidr_list percentrank_tdigest rank_tdigest has_any_index`,
  3: `extractjson extract_json iff iif bin_at datetime_diff datetime_add strrep substring split replace replace_regex
    replace_string replace_strings extract_all extractall countof translate ipv4_is_match
    ipv4_compare ipv6_compare ipv6_is_match array_slice array_iff array_iif bag_set_key range
    prev next format_bytes
    array_shift_left array_shift_right series_fill_const series_iir convert_angle convert_energy
    convert_length convert_mass convert_speed convert_temperature convert_volume
    beta_cdf beta_pdf beta_inv convert_force around percentile_tdigest`,
  4: "make_timespan extract row_window_session geo_distance_2points series_fill_linear series_fir",
  5: "indexof indexof_regex array_index_of series_outliers series_decompose",
  6: "make_datetime",
  7: "series_decompose_anomalies",
  Infinity: `hll_merge merge_tdigest tdigest_merge array_sort_asc array_sort_desc bag_pack_columns case coalesce strcat strcat_delim unicode_codepoints_to_string make_string
    ipv4_is_in_any_range has_any_ipv4 has_any_ipv4_prefix ipv6_is_in_any_range array_concat
    bag_merge zip pack bag_pack pack_dictionary pack_array set_union set_intersect
    set_difference min_of max_of`,
};

const maxCounts: ReadonlyMap<string, number> = new Map(
  Object.entries(namesByCount).flatMap(([count, names]) =>
    names.split(/\s+/).map((name) => [name, Number(count)] as const),
  ),
);

/** Returns how many arguments a function reads; undefined if it is not listed. */
export const findMaxArguments = (name: string): number | undefined => maxCounts.get(name);
