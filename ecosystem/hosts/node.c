/* An addon of node with the functions of host.h. */
#include <node_api.h>
#include "host.h"

#define DEFINE(name)                                                                               \
    static napi_value call_##name(napi_env env, napi_callback_info info) {                         \
        size_t count = 1;                                                                          \
        napi_value argument = NULL, result = NULL;                                                 \
        int32_t number = 0;                                                                        \
        napi_get_cb_info(env, info, &count, &argument, NULL, NULL);                                \
        napi_get_value_int32(env, argument, &number);                                              \
        napi_create_int32(env, host_##name(number), &result);                                      \
        return result;                                                                             \
    }
HOST_FUNCTIONS(DEFINE)

#define ENTRY(name) {#name, NULL, call_##name, NULL, NULL, NULL, napi_default, NULL},

/* For each environment anew: workers have their own. */
NAPI_MODULE_INIT() {
    napi_property_descriptor functions[] = {HOST_FUNCTIONS(ENTRY)};
    napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
    return exports;
}
