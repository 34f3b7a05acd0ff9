/* Temporary. */
#include <weir/expr/method.h>
const wr_methods_t wr_str_methods, wr_markup_methods, wr_list_methods, wr_tuple_methods, wr_dict_methods, wr_int_methods, wr_float_methods, wr_bytes_methods, wr_range_methods;
